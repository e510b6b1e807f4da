"""Operations about silences: for how long alerts of a rule are raised and sent to nobody."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from console.api.cursors import BIGINT, MOMENT, Cursor, Place
from console.api.operations import (
    LONGEST_TEXT,
    MOST_ROWS,
    WHOLE,
    Command,
    Listing,
    ListingQuery,
    Moment,
    PathValues,
    Row,
    Text,
)
from console.errors import Unprocessable
from console.services import Services
from console.writing import writing
from shared.alerting.alerts import Alerts
from shared.alerting.rule_faults import NAME, RESERVED_NAME
from shared.queries import queries

# Whoever wants to hear nothing for longer had better change the rule.
LONGEST_SILENCE = timedelta(days=31)


def _read_rule(written: str) -> str:
    if written == RESERVED_NAME:
        raise ValueError("is the name of the alerts of `earshot alerts test`, which are sent in any case")
    if written and not NAME.fullmatch(written):
        raise ValueError("is no name of a rule: those begin with a letter and have small letters, digits and _")
    return written


_TextOrNone = Annotated[str, Field(max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$")]


class Silence(Row):
    """Until `ends_at` alerts of a rule, or of all, about a call, or about anything, are sent to nobody."""

    silence_id: int
    rule: str | None
    call_id: str | None
    starts_at: datetime
    ends_at: datetime
    who: str
    reason: str


class SilenceOrder(BaseModel):
    """What is to be silenced, and for how long: either `for_seconds` or `ends_at`."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        json_schema_extra={"oneOf": [{"required": ["for_seconds"]}, {"required": ["ends_at"]}]},
    )

    rule: Annotated[
        str,
        AfterValidator(_read_rule),
        Field(
            description="its name in alerts.toml; empty for all rules",
            json_schema_extra={"pattern": f"^({NAME.pattern})?$", "not": {"const": RESERVED_NAME}},
        ),
    ]
    call_id: Text | None = Field(default=None, description="without it, whatever the alert is about")
    for_seconds: Annotated[int, Field(ge=1, le=int(LONGEST_SILENCE.total_seconds())), WHOLE] | None = None
    ends_at: Moment | None = Field(default=None, description="within 31 days")
    reason: _TextOrNone = ""

    def ending(self, now: datetime) -> datetime:
        """Tell when it is to end. Raises Unprocessable."""
        if (self.for_seconds is None) == (self.ends_at is None):
            raise Unprocessable("for_seconds: give either this or ends_at")
        ends_at = self.ends_at or now + timedelta(seconds=self.for_seconds or 0)
        if not now < ends_at <= now + LONGEST_SILENCE:
            raise Unprocessable(f"ends_at: is not within the next {LONGEST_SILENCE.days} days")
        return ends_at


class Silenced(Row):
    """The silence that holds from now on."""

    silence_id: int
    ends_at: datetime


class Ending(BaseModel):
    """Which silences are to end now."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    silence_ids: Annotated[
        list[Annotated[int, Field(ge=1, lt=2**63), WHOLE]], Field(min_length=1, max_length=MOST_ROWS)
    ]


class Ended(Row):
    """How many of them held until now."""

    ended: int


def list_silences(
    services: Services, _: PathValues, __: ListingQuery, place: Place | None, limit: int
) -> Sequence[Silence]:
    """Read the silences that hold, the one that ends first in front."""
    ends_at, silence_id = place or (None, None)
    values = {"now": datetime.now(UTC), "after_ends_at": ends_at, "after_silence_id": silence_id, "limit": limit}
    rows = services.store.rows(queries("console_alerts")["list_silences"], values)
    return [Silence.model_validate(row) for row in rows]


def silence(services: Services, order: SilenceOrder, who: str) -> Silenced:
    """Have alerts sent to nobody for a while. Raises Unprocessable."""
    ends_at = order.ending(datetime.now(UTC))
    with writing(services) as database:
        silence_id = Alerts(database).silence(order.rule, order.call_id or "", ends_at, who, order.reason)
    return Silenced(silence_id=silence_id, ends_at=ends_at)


def end_silences(services: Services, body: Ending, _: str) -> Ended:
    """End silences before their time."""
    with writing(services) as database:
        alerts = Alerts(database)
        return Ended(ended=sum(alerts.end_silence(silence_id) for silence_id in set(body.silence_ids)))


SILENCES = Listing(
    path="/api/silences",
    summary="The silences that hold, the one that ends first in front",
    noun="silences",
    query=ListingQuery,
    row=Silence,
    cursor=Cursor(MOMENT, BIGINT),
    place_of=lambda one: (one.ends_at, one.silence_id),
    read=list_silences,
)

OPERATIONS = (
    SILENCES,
    Command(
        path="/api/silences",
        summary="Have alerts of a rule sent to nobody for a while",
        body=TypeAdapter(SilenceOrder),
        answer=Silenced,
        run=silence,
    ),
    Command(
        path="/api/silences/endings",
        summary="End silences before their time",
        body=TypeAdapter(Ending),
        answer=Ended,
        run=end_silences,
    ),
)
