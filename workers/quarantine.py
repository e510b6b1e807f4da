"""Stage `quarantine`: what no other stage could take.

Consumes deliveries that are no event of ours, or none that can be read. Writes `quarantine`, whole, with the reason.
Guarantees that each is kept once.
"""

from collections.abc import Mapping, Sequence

from shared.database import Connection
from shared.event_records import StoredEvent
from shared.fields import moment
from shared.queries import queries
from workers.arrays import arrays

STAGE = "quarantine"


def process(connection: Connection, events: Sequence[StoredEvent]) -> Mapping[str, int]:
    """Keep a batch of deliveries; counts each once."""
    rows = [
        {
            "event_id": event.event_id,
            "received_at": moment(event.received_at_ms),
            "reason": event.reason,
            "body": event.body,
        }
        for event in events
    ]
    connection.execute(queries("quarantine")["save"], arrays(("event_id", "received_at", "reason", "body"), rows))
    return {event.event_id: 1 for event in events}
