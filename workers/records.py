"""Merge what several events say about one thing, so that their order does not matter. Pure.

A record is a set of cells, each a value and the version of the event that said it. Merging keeps, cell by cell, the
newest. It is commutative, associative and idempotent, and a cell that an event lacks is simply not there: so any order,
repetition or splitting of the events gives the same record, and a poorer event erases nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec


class Version(NamedTuple):
    """How new a snapshot is. The envelope's own timestamp comes third: it has been seen 15 s behind its contents."""

    newest_at: int  # ms since 1970: the newest message, or moment, that the event knows of
    message_count: int
    sent_at: int  # ms since 1970: the envelope's timestamp
    tiebreak: int  # from a digest of the contents


class Cell(NamedTuple):
    """One value and the version of the event that said it."""

    value: Any
    version: Version


Cells = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class StoredCells:
    """Cells as columns: one version for most, and `exceptions` (column -> version) for those of another."""

    values: Mapping[str, Any]
    version: Version
    exceptions: Mapping[str, Version]


def cells_of(values: Mapping[str, Any], version: Version) -> dict[str, Cell]:
    """Give every value that says something the version of its event."""
    return {name: Cell(value, version) for name, value in values.items() if value is not None}


def merged(records: Iterable[Cells]) -> dict[str, Cell]:
    """Keep the newest of each cell."""
    result: dict[str, Cell] = {}
    for cells in records:
        for name, cell in cells.items():
            kept = result.get(name)
            if kept is None or cell.version > kept.version:
                result[name] = cell
            elif cell.version == kept.version:
                result[name] = max(kept, cell, key=_order)
    return result


def stored(cells: Cells, version: Version) -> StoredCells:
    """Lay cells out for a row whose own version is `version`."""
    values = {name: cell.value for name, cell in cells.items()}
    exceptions = {name: cell.version for name, cell in cells.items() if cell.version != version}
    return StoredCells(values, version, exceptions)


def restored(row: StoredCells) -> dict[str, Cell]:
    """Read cells back from a row."""
    return {
        name: Cell(value, row.exceptions.get(name, row.version))
        for name, value in row.values.items()
        if value is not None
    }


def _order(cell: Cell) -> bytes:
    """Order values of any type, for the same version saying two things: which of them wins must not be chance."""
    return msgspec.json.encode(cell.value, order="deterministic")
