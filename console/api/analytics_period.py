"""The period that analytics are asked about: whole hours, and the whole days among them. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from console.errors import Unprocessable

DEFAULT_PERIOD = timedelta(days=7)
LONGEST_PERIOD = timedelta(days=366)
LONGEST_BY_HOUR = timedelta(days=31)
# Within these nothing overflows, whatever the time zone it is told in.
FIRST_YEAR, LAST_YEAR = 1970, 9998

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` to before `until`; from `days_since` to before `days_until` it may be read by days (UTC)."""

    since: datetime
    until: datetime
    days_since: datetime
    days_until: datetime


def period_of(since: datetime | None, until: datetime | None, *, by_hour: bool, now: datetime) -> Period:
    """Choose the whole hours that cover a period; what is left open is the last week. Raises Unprocessable."""
    last = _hour_after(_known("until", until) or now)
    first = _hour_of(_known("since", since) or last - DEFAULT_PERIOD)
    longest = LONGEST_BY_HOUR if by_hour else LONGEST_PERIOD
    if first >= last or (since and until and since >= until):
        raise Unprocessable("since: must be before until")
    if last - first > longest + _HOUR:
        by_what = " by hour" if by_hour else ""
        raise Unprocessable(f"since: a period{by_what} may have up to {longest.days} days")
    days = (last, last) if by_hour else _whole_days(first, last)
    return Period(first, last, *days)


def _known(name: str, moment: datetime | None) -> datetime | None:
    if moment is not None and not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise Unprocessable(f"{name}: must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment


def _hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _hour_after(moment: datetime) -> datetime:
    hour = _hour_of(moment)
    return hour if hour == moment else hour + _HOUR


def _whole_days(first: datetime, last: datetime) -> tuple[datetime, datetime]:
    days_until = last.replace(hour=0)
    days_since = first if first.hour == 0 else first.replace(hour=0) + timedelta(days=1)
    return (days_since, days_until) if days_since < days_until else (last, last)
