"""Keep the rows of `calls`, which the stages about messages and about the call itself fill together.

Every fact is a cell of a record, so it does not matter which stage or event tells it first.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import xxhash

from shared.call_facts import call_facts, rank_of
from shared.database import Connection
from shared.event_records import compress
from shared.events import WebhookEvent
from shared.fields import moment
from shared.queries import queries
from workers.arrays import arrays, as_json_literal, as_version_literal
from workers.records import Cells, StoredCells, Version, cells_of, merged, part, restored, stored

JSON_COLUMNS = ("structured_data", "analysis", "cost", "call_metrics", "recording", "overrides", "metadata")
COLUMNS = (
    *("team_id", "assistant_id", "assistant_name", "llm_provider", "llm_model", "call_type", "direction", "status"),
    *("phone_call_status", "phone_call_status_reason", "end_trigger", "user_number", "assistant_number"),
    *("started_at", "ended_at", "duration_ms", "summary", "success_evaluation", "outcome", "total_cost"),
    *JSON_COLUMNS,
)
_SAVED = ("call_id", *COLUMNS, "version", "field_versions")


def fact_version(event: WebhookEvent, moment_ms: int) -> Version:
    """Say how new the facts of an event are: first by how far the call has come in it, then by `moment_ms`."""
    return Version(rank_of(event), moment_ms, 0, tiebreak(event))


def tiebreak(event: WebhookEvent) -> int:
    """Order two events that nothing else orders: by their ids, which are digests."""
    return xxhash.xxh3_64_intdigest(event.event_id.encode()) >> 1


def save_facts(
    connection: Connection, events: Iterable[tuple[WebhookEvent, Version]], touched: Iterable[str] = ()
) -> None:
    """Merge what events say of their calls into `calls`, locking the rows in key order.

    `touched` are further calls whose rows the caller goes on to write: they are made and locked with the others.
    """
    said: dict[str, list[Cells]] = defaultdict(list, {call_id: [] for call_id in touched})
    retold: set[Version] = set()
    for event, version in events:
        said[event.call_id].append(cells_of(call_facts(event), version))
        # The version of a fact tells its event from all others, also from those of other calls.
        retold.update([version] if event.is_retold else ())
    if not said:
        return
    wanted = {"call_ids": sorted(said)}
    connection.execute(queries("calls")["claim"], wanted)
    rows = connection.execute(queries("calls")["lock"], wanted).fetchall()
    changed = [row for row in (_merged_row(row, said[row["call_id"]], retold) for row in rows) if row]
    if changed:
        connection.execute(queries("calls")["save"], arrays(_SAVED, changed))


def count_messages(connection: Connection, added: Mapping[str, int]) -> None:
    """Bring `message_count` and `last_message_at` up to date; `added` counts the new messages of each call."""
    if added:
        columns = {"call_id": list(added), "added": list(added.values())}
        connection.execute(queries("calls")["count_messages"], columns)


def recount_messages(connection: Connection, call_ids: Iterable[str]) -> None:
    """Bring the same up to date where rows may have been deleted by hand."""
    connection.execute(queries("rebuild")["recount_messages"], {"call_ids": list(call_ids)})


def save_snapshots(connection: Connection, events: Sequence[tuple[WebhookEvent, Version]]) -> None:
    """Keep the richest body of each call and event type."""
    names = ("call_id", "event_type", "event_id", "received_at", "body", "version")
    richest: dict[tuple[str, str], tuple[WebhookEvent, Version]] = {}
    for event, version in sorted(events, key=lambda one: (one[1], one[0].event_id)):
        richest[event.call_id, event.event_type] = (event, version)
    rows = [_snapshot_row(event, version) for event, version in richest.values()]
    if rows:
        connection.execute(queries("calls")["save_snapshots"], arrays(names, rows))


def _merged_row(row: Mapping[str, Any], said: Sequence[Cells], retold: Collection[Version]) -> dict[str, Any] | None:
    exceptions = {name: Version(*parts) for name, parts in (row["field_versions"] or {}).items()}
    before = restored(StoredCells({name: row[name] for name in COLUMNS}, Version(*row["version"]), exceptions))
    standing, _ = part(before, said, retold)
    cells = merged([standing, *said])
    if cells == before:
        return None
    after = stored(cells, max((cell.version for cell in cells.values()), default=Version(*row["version"])))
    return {
        "call_id": row["call_id"],
        **{name: _column(name, value) for name, value in after.values.items()},
        "version": as_version_literal(after.version),
        "field_versions": as_json_literal(after.exceptions),
    }


def _column(name: str, value: Any) -> Any:
    if name in ("duration_ms", "total_cost"):
        return float(value)
    return as_json_literal(value) if name in JSON_COLUMNS else value


def _snapshot_row(event: WebhookEvent, version: Version) -> dict[str, Any]:
    return {
        "call_id": event.call_id,
        "event_type": event.event_type,
        "event_id": event.event_id,
        "received_at": moment(event.received_at_ms),
        "body": compress(event.body),
        "version": as_version_literal(version),
    }
