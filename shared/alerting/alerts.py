"""What people do with alerts: list and acknowledge them, silence rules, and try out whether a notice arrives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from shared.alerting.notices import Notice, What, make_notices
from shared.alerting.rule_faults import RESERVED_NAME
from shared.database import Database
from shared.queries import queries

TOPIC = "alert_operations"

State = Literal["open", "unacknowledged", "all"]

# Where an alert stands among all, those raised last in front.
Place = tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts are wanted; None stands for any."""

    state: State = "open"
    rule: str | None = None
    call_id: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert; `call_id` is empty where it is about no call, `resolved_at` None while it is open."""

    alert_id: str
    call_id: str
    message_id: str
    rule: str
    subject: str
    severity: str
    raised_at: datetime
    began_at: datetime
    clear_since: datetime | None
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    is_silenced: bool
    detail: Mapping[str, Any] | None

    @property
    def place(self) -> Place:
        """Where it stands in a list."""
        return self.raised_at, self.alert_id


@dataclass(frozen=True, slots=True)
class Silence:
    """Until `ends_at` no alert of a rule is sent; an empty rule stands for all, an empty call for all calls."""

    silence_id: int
    rule: str
    call_id: str
    starts_at: datetime
    ends_at: datetime
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class SentNotice:
    """How it stands with a notice: whether it is in its queue, has arrived, or was given up."""

    notice_id: int
    call_id: str
    alert_id: str
    channel: str
    what: What
    made_at: datetime
    published_at: datetime | None
    delivered_at: datetime | None
    given_up_at: datetime | None

    @property
    def notice(self) -> Notice:
        """What travels."""
        return Notice(self.notice_id, self.call_id, self.alert_id, self.channel, self.what)


def utc_now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


class Alerts:
    """The alerts of one database. All methods raise DatabaseUnavailable, and BadEvent for a text it cannot keep."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    def list(self, wanted: AlertFilter, limit: int, behind: Place | None = None) -> list[Alert]:
        """Read alerts, those raised last in front; only those behind a place, where one is given."""
        behind_at, behind_id = behind or (None, None)
        asked = {
            "state": wanted.state,
            "rule": wanted.rule,
            "call_id": wanted.call_id,
            "since": wanted.since,
            "behind_at": behind_at,
            "behind_id": behind_id,
            "limit": limit,
        }
        return [Alert(**row) for row in self._read("list_alerts", asked)]

    def find(self, beginning: str) -> Sequence[str]:
        """Name the alerts whose ids begin so: none, the one, or two of several."""
        return [row["alert_id"] for row in self._read("find_alerts", {"beginning": beginning})]

    def acknowledge(self, alert_ids: Sequence[str], who: str) -> int:
        """Put down that somebody has taken note of alerts; counts those that nobody had acknowledged before."""
        return self._write("acknowledge", {"alert_ids": [*alert_ids], "who": who, "now": self._clock()})

    def silence(self, rule: str, call_id: str, ends_at: datetime, who: str, reason: str) -> int:
        """Keep the alerts of a rule (empty: all) and a call (empty: all) from being sent; names the silence."""
        values = {"rule": rule, "call_id": call_id, "ends_at": ends_at, "who": who, "reason": reason}
        with self._database.transaction() as connection:
            row = connection.execute(queries(TOPIC)["silence"], {**values, "now": self._clock()}).fetchone()
        return int(row["silence_id"]) if row else 0

    def end_silence(self, silence_id: int) -> bool:
        """End a silence; tells whether it still held."""
        return self._write("end_silence", {"silence_id": silence_id, "now": self._clock()}) == 1

    def silences(self) -> Sequence[Silence]:
        """Read the silences that hold now, those that end first in front."""
        return [Silence(**row) for row in self._read("list_silences", {"now": self._clock()})]

    def raise_test(self, channels: Sequence[str]) -> str:
        """Raise an alert that is over at once, with a notice for each channel, still to be published; names it."""
        alert_id = uuid4().hex
        with self._database.transaction() as connection:
            values = {"alert_id": alert_id, "rule": RESERVED_NAME, "now": self._clock()}
            connection.execute(queries(TOPIC)["raise_test"], values)
            make_notices(connection, ("", alert_id), "raised", channels)
        return alert_id

    def notices(self, call_id: str, alert_id: str) -> Sequence[SentNotice]:
        """Read how it stands with the notices of an alert."""
        return [SentNotice(**row) for row in self._read("read_notices", {"call_id": call_id, "alert_id": alert_id})]

    def first_waiting(self, channel: str) -> Notice | None:
        """Read the notice that a channel delivers next; None where all are delivered or given up."""
        rows = self._read("read_first_waiting", {"channel": channel})
        return Notice(**rows[0]) if rows else None

    def _read(self, name: str, values: Mapping[str, Any]) -> Sequence[Any]:
        with self._database.transaction() as connection:
            return connection.execute(queries(TOPIC)[name], values).fetchall()

    def _write(self, name: str, values: Mapping[str, Any]) -> int:
        with self._database.transaction() as connection:
            return connection.execute(queries(TOPIC)[name], values).rowcount
