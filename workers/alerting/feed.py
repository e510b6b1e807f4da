"""Judge the feed: whether it has been silent for long at a time of day when it never is."""

from datetime import UTC, datetime, timedelta

from shared.alerting.rules import FeedSilence
from shared.database import Connection
from shared.queries import queries
from workers.alerting.findings import Finding

DAY = timedelta(days=1)
# As long as receipts are kept by default, less the day that goes on.
DAYS_COMPARED = 13
SATURDAY = 5
# Comparing looks through receipts of many days, and a day that was silent is looked through wholly.
COMPARED_EVERY = timedelta(minutes=5)


class Feed:
    """What is known of the feed by itself: which silences were found to be usual, and when."""

    def __init__(self) -> None:
        self._usual_at: dict[str, datetime] = {}

    def judge(self, connection: Connection, rule: FeedSilence, as_of: datetime, *, is_open: bool) -> list[Finding]:
        """Find whether the feed is silent though it never is; an alert that `is_open` needs no more than silence."""
        if _was_heard(connection, as_of - rule.silent_for, as_of + DAY):
            self._usual_at.pop(rule.name, None)
            return []
        if is_open:
            return [Finding(rule, as_of, {}, raises=False)]
        return self._compare(connection, rule, as_of)

    def _compare(self, connection: Connection, rule: FeedSilence, as_of: datetime) -> list[Finding]:
        usual_at = self._usual_at.get(rule.name)
        if usual_at is not None and abs(as_of - usual_at) < COMPARED_EVERY:
            return []
        days = _count_livelier_days(connection, rule, as_of)
        if days < rule.minimum_days:
            self._usual_at[rule.name] = as_of
            return []
        return [_finding(connection, rule, as_of, days)]


def comparable_days(moment: datetime) -> list[datetime]:
    """Give the same time on those earlier days that are alike: working days, or days of weekends, in UTC. Pure."""
    earlier = (moment - number * DAY for number in range(1, DAYS_COMPARED + 1))
    return [other for other in earlier if _is_weekend(other) == _is_weekend(moment)]


def _is_weekend(moment: datetime) -> bool:
    return moment.weekday() >= SATURDAY


def _finding(connection: Connection, rule: FeedSilence, as_of: datetime, days: int) -> Finding:
    heard_at = _last_heard(connection, as_of - DAY) or as_of - rule.silent_for
    return Finding(
        rule,
        heard_at,
        {
            "silent_seconds": round((as_of - heard_at).total_seconds(), 1),
            "threshold_seconds": rule.silent_for.total_seconds(),
            "days": days,
        },
    )


def _count_livelier_days(connection: Connection, rule: FeedSilence, as_of: datetime) -> int:
    """Count the days that had events in the same span; 0 if any that had events at all had none then."""
    days = 0
    for other in comparable_days(as_of):
        if _was_heard(connection, other - rule.silent_for, other):
            days += 1
        elif _was_heard(connection, *_day_of(other)):
            return 0
    return days


def _day_of(moment: datetime) -> tuple[datetime, datetime]:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight, midnight + DAY


def _was_heard(connection: Connection, since: datetime, until: datetime) -> bool:
    row = connection.execute(queries("alert_windows")["was_heard"], {"since": since, "until": until}).fetchone()
    return bool(row and row["was_heard"])


def _last_heard(connection: Connection, since: datetime) -> datetime | None:
    row = connection.execute(queries("alert_windows")["read_last_heard"], {"since": since}).fetchone()
    return row["heard_at"].astimezone(UTC) if row and row["heard_at"] else None
