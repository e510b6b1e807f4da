"""The listing of quarantine: deliveries that no stage could take, with the reason, and no word of their bodies."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from console.api.cursors import MOMENT, TEXT, Cursor, Place
from console.api.operations import Listing, ListingQuery, Moment, PathValues, Row, Text
from console.services import Services
from shared.queries import queries


class QuarantineQuery(ListingQuery):
    """Which deliveries; all filters must hold. `since` and `until` are about the time of receipt, both included."""

    reason: Text | None = Field(default=None, description="one word, such as unknown_type")
    event_id: Text | None = None
    since: Moment | None = None
    until: Moment | None = None


class Quarantined(Row):
    """A delivery that no stage could take; `size` is that of the body, in bytes."""

    event_id: str
    received_at: datetime
    reason: str
    size: int


def list_quarantine(
    services: Services, _: PathValues, query: QuarantineQuery, place: Place | None, limit: int
) -> Sequence[Quarantined]:
    """Read deliveries in quarantine, the one received last in front."""
    received_at, event_id = place or (None, None)
    values = {
        **query.filters,
        "after_received_at": received_at,
        "after_event_id": event_id,
        "limit": limit,
    }
    rows = services.store.rows(queries("quarantined")["list_behind"], values)
    return [Quarantined.model_validate(row) for row in rows]


OPERATIONS = (
    Listing(
        path="/api/quarantine",
        summary="Deliveries in quarantine, the one received last in front",
        noun="quarantine",
        query=QuarantineQuery,
        row=Quarantined,
        cursor=Cursor(MOMENT, TEXT),
        place_of=lambda delivery: (delivery.received_at, delivery.event_id),
        read=list_quarantine,
    ),
)
