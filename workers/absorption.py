"""Take a batch of events into the rows of one stage: the course that all stages about messages share.

Consumes events with a conversation. Within one transaction it locks the batch's calls for its stage, in key order;
folds all events of a call into what they say that is new; merges that with the rows they are about; writes the rows
that changed, and what is known from now on.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol

import msgspec

from shared.database import Connection
from shared.events import WebhookEvent
from shared.queries import queries
from workers.arrays import arrays, as_json_literal, as_version_literal
from workers.histories import Beginning
from workers.records import Cells, StoredCells, Version, cells_of, merged, part, restored, stored
from workers.snapshots import NO_VERSION, Fold, Known, Snapshot, fold, pack, unpack

RowKey = tuple[Any, ...]  # call_id, message_id, and ordinal where a message has several rows
BOOKKEEPING = ("version", "fingerprint", "field_versions")


@dataclass(frozen=True, slots=True)
class Content:
    """What a stage reads in one message: its timestamp, and the cells of its rows by their keys after call_id."""

    timestamp: int | None
    rows: Mapping[RowKey, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Merge:
    """A row as it is from now on, and everything that was said about it, its former self included.

    `given_way` are those cells of its former self that count no more, since what said them has been told again.
    """

    key: RowKey
    cells: Cells
    version: Version
    fingerprint: int
    said: Sequence[Cells]
    is_new: bool
    is_changed: bool
    given_way: Cells = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What a batch came to: the rows it says something about, and the version of each event's snapshot."""

    merges: Sequence[Merge]
    versions: Sequence[tuple[WebhookEvent, Version]]

    @property
    def written(self) -> Counter[str]:
        """Count the rows that are new or changed, by the event whose snapshot is the newest to tell of them."""
        tellers = {(event.call_id, version): event.event_id for event, version in self.versions}
        any_of = {event.call_id: event.event_id for event, _ in self.versions}
        changed = (merge for merge in self.merges if merge.is_changed)
        return Counter(tellers.get((merge.key[0], merge.version)) or any_of[merge.key[0]] for merge in changed)


class Table(Protocol):
    """The rows of a stage: which columns they have, and how cells are laid out in them."""

    @property
    def topic(self) -> str:
        """The file of queries that loads, touches and saves the rows."""

    @property
    def key_names(self) -> Sequence[str]:
        """The columns of the key, call_id first."""

    @property
    def column_names(self) -> Sequence[str]:
        """The other columns, without those of the bookkeeping."""

    def to_columns(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Lay the values of cells and of the key out in columns, and those columns that are derived from them."""

    def to_cells(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Undo `to_columns`."""


@dataclass(frozen=True, slots=True)
class Reader:
    """How a stage reads an event: what each item of it says, and which items it has beside its messages."""

    content: Callable[[msgspec.Raw], Content]
    more: Callable[[WebhookEvent], Sequence[msgspec.Raw]] = lambda _: ()


def absorb(
    connection: Connection, stage: str, events: Sequence[WebhookEvent], table: Table, reader: Reader
) -> Absorbed:
    """Bring the rows of a stage up to date with a batch of events."""
    by_call = _by_call(events)
    known = _lock(connection, stage, sorted(by_call))
    folds = {call_id: _fold(known[call_id], by_call[call_id], reader) for call_id in sorted(by_call)}
    _touch(connection, folds, table)
    merges = _merge(connection, folds, table)
    _save(connection, [merge for merge in merges if merge.is_changed], table)
    _save_known(connection, stage, known, folds)
    versions = [pair for call_id in folds for pair in zip(by_call[call_id], folds[call_id].versions, strict=True)]
    return Absorbed(merges, versions)


def _by_call(events: Sequence[WebhookEvent]) -> dict[str, list[WebhookEvent]]:
    ordered = sorted(events, key=lambda event: event.call_id)
    return {call_id: list(group) for call_id, group in groupby(ordered, key=lambda event: event.call_id)}


def _lock(connection: Connection, stage: str, call_ids: Sequence[str]) -> dict[str, Known]:
    wanted = {"stage": stage, "call_ids": list(call_ids)}
    connection.execute(queries("fingerprints")["claim_calls"], wanted)
    rows = connection.execute(queries("fingerprints")["lock_calls"], wanted)
    return {row["call_id"]: _known(row) for row in rows}


def _known(row: Mapping[str, Any]) -> Known:
    beginning = Beginning(row["history_bytes"], row["history_digest"])
    return Known(Version(*row["version"]), unpack(row["messages"]), beginning)


def _fold(known: Known, events: Sequence[WebhookEvent], reader: Reader) -> Fold:
    snapshots = [Snapshot(event.sent_at, event.history, reader.more(event)) for event in events]
    return fold(known, snapshots, reader.content, in_full=any(event.is_retold for event in events))


def _touch(connection: Connection, folds: Mapping[str, Fold], table: Table) -> None:
    rows = [
        {"call_id": call_id, "fingerprint": left, "version": as_version_literal(folded.last_seen[left])}
        for call_id, folded in folds.items()
        for left in folded.left
    ]
    if rows:
        connection.execute(queries(table.topic)["touch"], arrays(("call_id", "fingerprint", "version"), rows))


def _merge(connection: Connection, folds: Mapping[str, Fold], table: Table) -> list[Merge]:
    said: dict[RowKey, list[tuple[Version, int, Cells]]] = defaultdict(list)
    for call_id, folded in folds.items():
        for message in folded.new:
            for key, values in message.content.rows.items():
                cells = cells_of(values, message.version)
                said[(call_id, *key)].append((message.version, message.fingerprint, cells))
    rows = _load(connection, sorted(said), table)
    return [_merged_row(key, rows.get(key), said[key], folds[key[0]], table) for key in sorted(said)]


def _load(connection: Connection, keys: Sequence[RowKey], table: Table) -> dict[RowKey, Mapping[str, Any]]:
    if not keys:
        return {}
    wanted = dict(zip(table.key_names, map(list, zip(*keys, strict=True)), strict=True))
    rows = connection.execute(queries(table.topic)["load"], wanted)
    return {tuple(row[name] for name in table.key_names): row for row in rows}


def _merged_row(
    key: RowKey,
    row: Mapping[str, Any] | None,
    said: Sequence[tuple[Version, int, Cells]],
    folded: Fold,
    table: Table,
) -> Merge:
    before = None if row is None else _restored_row(row, folded.last_seen, table)
    version, fingerprint, _ = max([*said, before] if before else said, key=lambda one: one[:2])
    told = [cells for _, _, cells in said]
    standing, gone = part(before[2] if before else {}, told, folded.retold)
    cells = merged([*told, standing])
    is_changed = (version, fingerprint, cells) != before or _is_laid_out_anew(key, row or {}, cells, folded, table)
    return Merge(key, cells, version, fingerprint, [*told, standing], row is None, is_changed, gone)


def _is_laid_out_anew(key: RowKey, row: Mapping[str, Any], cells: Cells, folded: Fold, table: Table) -> bool:
    """Tell whether a derived column is no longer what the same cells give; asked only of what is told again."""
    if not folded.retold:
        return False
    columns = _laid_out({name: cell.value for name, cell in cells.items()}, key, table)
    # What is told by cells has been compared, and an object is not derived.
    derived = (name for name in table.column_names if name in row and not isinstance(row[name], dict))
    return any(columns.get(name) != row[name] for name in derived)


def _restored_row(
    row: Mapping[str, Any], last_seen: Mapping[int, Version], table: Table
) -> tuple[Version, int, dict[str, Any]]:
    # A row whose message the newest snapshot holds is as new as that snapshot, whatever was written when it changed.
    version = max(last_seen.get(row["fingerprint"], NO_VERSION), Version(*row["version"]))
    exceptions = {name: Version(*parts) for name, parts in (row["field_versions"] or {}).items()}
    return version, row["fingerprint"], restored(StoredCells(table.to_cells(row), version, exceptions))


def _save(connection: Connection, merges: Sequence[Merge], table: Table) -> None:
    if merges:
        names = (*table.key_names, *table.column_names, *BOOKKEEPING)
        rows = [_columns_of(merge, table) for merge in merges]
        connection.execute(queries(table.topic)["save"], arrays(names, rows))


def _columns_of(merge: Merge, table: Table) -> dict[str, Any]:
    row = stored(merge.cells, merge.version)
    return {
        **dict(zip(table.key_names, merge.key, strict=True)),
        **_laid_out(row.values, merge.key, table),
        "version": as_version_literal(row.version),
        "fingerprint": merge.fingerprint,
        "field_versions": as_json_literal(row.exceptions),
    }


def _laid_out(values: Mapping[str, Any], key: RowKey, table: Table) -> dict[str, Any]:
    return table.to_columns({**values, **dict(zip(table.key_names[1:], key[1:], strict=True))})


def _save_known(connection: Connection, stage: str, before: Mapping[str, Known], folds: Mapping[str, Fold]) -> None:
    newer = {call_id: folded.known for call_id, folded in folds.items() if folded.known is not before[call_id]}
    if newer:
        columns = {
            "stage": stage,
            "call_ids": list(newer),
            "versions": [as_version_literal(known.version) for known in newer.values()],
            "messages": [pack(known) for known in newer.values()],
            "history_bytes": [known.beginning.size for known in newer.values()],
            "history_digests": [known.beginning.digest for known in newer.values()],
        }
        connection.execute(queries("fingerprints")["save_known"], columns)
