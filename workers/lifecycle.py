"""Stage `lifecycle`: what becomes of a call.

Consumes status-update, end-of-call-report, hang and error. Writes the call's facts in `calls`, `call_statuses`,
`incidents`, and the richest body of each of these types in `snapshots`. Guarantees that a status only moves forward,
that a status or incident told twice is one row, and that a later event erases no fact.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import xxhash

from shared.call_facts import status_of
from shared.database import Connection
from shared.errors import BadEvent
from shared.events import WebhookEvent, read_message, unnamed
from shared.fields import as_boolean, as_filled_text, as_text, moment
from shared.queries import queries
from workers.arrays import arrays, as_json_literal
from workers.calls import fact_version, save_facts, save_snapshots, tiebreak
from workers.histories import count_messages, last_message
from workers.records import Version

STAGE = "lifecycle"
# What it writes, but for what the pipeline keeps for itself.
TABLES = ("calls", "call_statuses", "incidents")

STATUS_NAMES = ("call_id", "occurred_at", "status", "phone_call_status", "reason")
INCIDENT_NAMES = (
    *("incident_id", "call_id", "kind", "error_type", "code", "message", "provider", "retryable", "occurred_at"),
    *("details", "message_id"),
)
_NAMED_IN_ERROR = ("type", "code", "message", "provider", "retryable", "details")
# Live work lets a row stand; what is told again takes its place.
_SAVE = (queries("calls")["save_statuses"], queries("calls")["save_incidents"])
_RETELL = (queries("rebuild")["retell_statuses"], queries("rebuild")["retell_incidents"])
_BEGINNING_OF_TIME = 1  # ms since 1970: for a status that came without any time


def process(connection: Connection, events: Sequence[WebhookEvent]) -> Mapping[str, int]:
    """Store what a batch says of its calls; counts each event once."""
    save_facts(connection, [(event, fact_version(event, event.sent_at)) for event in events])
    is_retold = any(event.is_retold for event in events)
    save_statuses, save_incidents = _RETELL if is_retold else _SAVE
    _save(connection, save_statuses, STATUS_NAMES, [row for row in map(status_row, events) if row])
    _save(connection, save_incidents, INCIDENT_NAMES, [row for row in map(incident_row, events) if row])
    save_snapshots(connection, [(event, _richness(event)) for event in events])
    return {event.event_id: 1 for event in events}


def status_row(event: WebhookEvent) -> dict[str, Any] | None:
    """Read the status that a status-update tells; None for other events."""
    status = status_of(event)
    if event.event_type != "status-update" or status is None:
        return None
    call = event.part("call")
    return {
        "call_id": event.call_id,
        "occurred_at": moment(event.sent_at or _BEGINNING_OF_TIME),
        "status": status,
        "phone_call_status": as_filled_text(call.get("phoneCallStatus")),
        "reason": as_filled_text(call.get("phoneCallStatusReason")),
    }


def incident_row(event: WebhookEvent) -> dict[str, Any] | None:
    """Read what a hang or an error reports; None for other events."""
    if event.event_type not in ("hang", "error"):
        return None
    error = event.part("error")
    return {
        "incident_id": _incident_id(event, error),
        "call_id": event.call_id,
        "kind": event.event_type,
        "error_type": as_filled_text(error.get("type")),
        "code": as_filled_text(error.get("code")),
        "message": as_filled_text(error.get("message")),
        "provider": as_filled_text(error.get("provider")),
        "retryable": as_boolean(error.get("retryable")),
        "occurred_at": moment(event.sent_at or None),
        "details": as_json_literal(_details(error)),
        "message_id": _newest_message(event),
    }


def _incident_id(event: WebhookEvent, error: Mapping[str, Any]) -> str:
    told = msgspec.json.encode([event.call_id, event.event_type, event.sent_at, error], order="deterministic")
    return xxhash.xxh3_128_hexdigest(told)


def _newest_message(event: WebhookEvent) -> str | None:
    newest = last_message(event.history)
    try:
        return None if newest is None else read_message(newest).message_id or unnamed(newest)
    except BadEvent:  # the incident is no worse for that
        return None


def _details(error: Mapping[str, Any]) -> dict[str, Any]:
    details = error.get("details")
    rest = {name: value for name, value in error.items() if name not in _NAMED_IN_ERROR}
    return (
        {**rest, **details}
        if isinstance(details, dict)
        else {**rest, **({"details": as_text(details)} if details else {})}
    )


def _richness(event: WebhookEvent) -> Version:
    return Version(0, count_messages(event.history), event.sent_at, tiebreak(event))


def _save(connection: Connection, statement: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(statement, arrays(columns, rows))
