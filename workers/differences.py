"""Tell how the rows of a table differ before and after: how many are new, changed and in which columns. Pure."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workers.absorption import BOOKKEEPING

Row = Mapping[str, Any]


@dataclass(slots=True)
class Difference:
    """Counts of rows; `columns` says in how many of the changed rows each column differs.

    `internal` are the rows of which nothing but the pipeline's own columns differs.
    """

    inserted: int = 0
    changed: int = 0
    internal: int = 0
    deleted: int = 0
    unchanged: int = 0
    columns: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Difference") -> "Difference":
        """Sum the differences of different rows."""
        return Difference(
            self.inserted + other.inserted,
            self.changed + other.changed,
            self.internal + other.internal,
            self.deleted + other.deleted,
            self.unchanged + other.unchanged,
            self.columns + other.columns,
        )


def compare(before: Collection[str], after: Collection[str], key_names: Sequence[str]) -> Difference:
    """Compare rows, each written as a JSON object whose fields are always in the same order."""
    same = set(before) & set(after)
    old, new = (_by_key((row for row in rows if row not in same), key_names) for rows in (before, after))
    result = Difference(
        inserted=len(new.keys() - old.keys()), deleted=len(old.keys() - new.keys()), unchanged=len(same)
    )
    for key in old.keys() & new.keys():
        columns = _changed_columns(old[key], new[key])
        result.columns.update(columns)
        result.changed += bool(columns)
        result.internal += not columns
    return result


def _by_key(rows: Iterable[str], key_names: Sequence[str]) -> dict[tuple[Any, ...], Row]:
    read = map(json.loads, rows)
    return {tuple(row[name] for name in key_names): row for row in read}


def _changed_columns(old: Row, new: Row) -> list[str]:
    return [name for name in new if name not in BOOKKEEPING and old.get(name) != new[name]]
