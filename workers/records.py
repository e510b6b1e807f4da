"""Merge what several events say about one thing, so that their order does not matter. Pure.

A record is a set of cells, each a value and the version of the event that said it. Merging keeps, cell by cell, the
newest. It is commutative, associative and idempotent, and a cell that an event lacks is simply not there: so any order,
repetition or splitting of the events gives the same record, and a poorer event erases nothing.
"""

from collections.abc import Collection, Iterable, Mapping
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


def part(cells: Cells, told: Iterable[Cells], retold: Collection[Version]) -> tuple[Cells, Cells]:
    """Part a row's cells into those that stand, and those that give way to what is told again, though it is no newer.

    The latter are what the snapshots of the versions `retold` said, all of which is told again; and each cell that is
    told with the very version it bears. Where nothing is told again, all stand.
    """
    if not retold:
        return cells, {}
    again = merged(told)
    gone = {name for name, cell in cells.items() if cell.version in retold or cell.version == _version(again, name)}
    return _only(cells, cells.keys() - gone), _only(cells, gone)


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


def _version(cells: Cells, name: str) -> Version | None:
    return cells[name].version if name in cells else None


def _only(cells: Cells, names: Collection[str]) -> Cells:
    return {name: cell for name, cell in cells.items() if name in names}


def _order(cell: Cell) -> bytes:
    """Order values of any type, for the same version saying two things: which of them wins must not be chance."""
    return msgspec.json.encode(cell.value, order="deterministic")
