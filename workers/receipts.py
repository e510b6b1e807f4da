"""Write down which stage has stored which event, in the transaction of its rows: so one can ask later."""

from collections.abc import Mapping, Sequence

from shared.database import Connection
from shared.event_records import StoredEvent
from shared.fields import moment
from shared.queries import queries
from workers.arrays import arrays

COLUMNS = ("call_id", "event_id", "event_type", "received_at", "written")


def save_receipts(
    connection: Connection, stage: str, events: Sequence[StoredEvent], written: Mapping[str, int]
) -> None:
    """Save a receipt for each event; `written` counts rows by event."""
    # An event that is twice in a batch has one receipt.
    rows = {event.event_id: _row(event, written.get(event.event_id, 0)) for event in events}
    columns = {"stage": stage, **arrays(COLUMNS, list(rows.values()))}
    connection.execute(queries("receipts")["save"], columns)


def _row(event: StoredEvent, written: int) -> dict[str, object]:
    return {
        "call_id": event.call_id,
        "event_id": event.event_id,
        "event_type": event.event_type,
        "received_at": moment(event.received_at_ms),
        "written": written,
    }
