"""Operations about alerts: the listings of them, and telling that somebody has taken note."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from console.api.calls import read_part
from console.api.cursors import MOMENT, TEXT, Cursor, Place
from console.api.operations import MOST_ROWS, Command, Listing, ListingQuery, Moment, PathValues, Row, Text
from console.services import Services
from console.writing import writing
from shared.alerting.alerts import Alerts
from shared.alerting.rules import Severity
from shared.queries import queries

# Ours have 32 characters; so many of such a length are a body that is taken.
_AlertId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]
State = Literal["open", "unacknowledged", "resolved", "all"]


class AlertsQuery(ListingQuery):
    """Which alerts; all filters must hold. `since` and `until` are about when they were raised."""

    rule: Text | None = None
    call_id: Text | None = None
    severity: Severity | None = None
    state: State = Field(default="all", description="unacknowledged: nobody has taken note; resolved: it is over")
    since: Moment | None = None
    until: Moment | None = None


class Alert(Row):
    """What a rule found, once; `subject` is what it is about beside the call, `detail` the figures behind it.

    It is open until `resolved_at`; since `clear_since` its condition holds no more.
    """

    alert_id: str
    call_id: str | None
    message_id: str | None
    rule: str
    subject: str | None
    severity: str
    began_at: datetime
    raised_at: datetime
    clear_since: datetime | None
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    is_silenced: bool
    detail: dict[str, JsonValue] | None


class Acknowledgement(BaseModel):
    """Which alerts somebody has taken note of."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    alert_ids: Annotated[list[_AlertId], Field(min_length=1, max_length=MOST_ROWS)]


class Acknowledged(Row):
    """How many of them nobody had taken note of before."""

    acknowledged: int


def list_alerts(
    services: Services, _: PathValues, query: AlertsQuery, place: Place | None, limit: int
) -> Sequence[Alert]:
    """Read alerts, the one raised last in front."""
    values = {**query.filters, **_behind(place), "limit": limit}
    return [Alert.model_validate(row) for row in services.store.rows(queries("console_alerts")["list"], values)]


def list_alerts_of_call(
    services: Services, path: PathValues, _: ListingQuery, place: Place | None, limit: int
) -> Sequence[Alert]:
    """Read the alerts about a call, the one raised last in front. Raises Missing."""
    values = {"call_id": path["call_id"], **_behind(place), "limit": limit}
    rows = read_part(services, queries("console_alerts")["list_of_call"], values)
    return [Alert.model_validate(row) for row in rows]


def acknowledge(services: Services, body: Acknowledgement, who: str) -> Acknowledged:
    """Put down who has taken note of some alerts. Those that were acknowledged stay with who did it first."""
    with writing(services) as database:
        return Acknowledged(acknowledged=Alerts(database).acknowledge(body.alert_ids, who))


def _behind(place: Place | None) -> dict[str, object]:
    raised_at, alert_id = place or (None, None)
    return {"after_raised_at": raised_at, "after_alert_id": alert_id}


ALERTS = Listing(
    path="/api/alerts",
    summary="Alerts, the one raised last in front",
    noun="alerts",
    query=AlertsQuery,
    row=Alert,
    cursor=Cursor(MOMENT, TEXT),
    place_of=lambda alert: (alert.raised_at, alert.alert_id),
    read=list_alerts,
)

OPERATIONS = (
    ALERTS,
    Listing(
        path="/api/calls/{call_id}/alerts",
        summary="The alerts about a call, the one raised last in front",
        noun="alerts",
        query=ListingQuery,
        row=Alert,
        cursor=Cursor(MOMENT, TEXT),
        place_of=lambda alert: (alert.raised_at, alert.alert_id),
        read=list_alerts_of_call,
    ),
    Command(
        path="/api/alerts/acknowledgements",
        summary="Acknowledge alerts: somebody has taken note",
        body=TypeAdapter(Acknowledgement),
        answer=Acknowledged,
        run=acknowledge,
    ),
)
