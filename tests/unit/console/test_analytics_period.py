"""The period of an analytics question: whole hours, whole days where there are, and nothing that overflows."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.api.analytics_period import FIRST_YEAR, LAST_YEAR, Period, period_of
from console.errors import Unprocessable

NOW = datetime(2026, 3, 5, 9, 21, 20, tzinfo=UTC)
zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(timezones=zones)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def test_by_default_it_is_the_last_week():
    """The hour that goes on is in it, and the whole days are told."""
    week = Period(at(5, 10) - timedelta(days=7), at(5, 10), at(1) - timedelta(days=2), at(5))
    assert period_of(None, None, by_hour=False, now=NOW) == week


def test_it_covers_what_was_asked_for():
    """The beginning is rounded down, the end up, also from another time zone; a period within a day has no day."""
    tokyo = timezone(timedelta(hours=9))
    since, until = datetime(2026, 3, 5, 12, 30, tzinfo=tokyo), datetime(2026, 3, 5, 15, 0, tzinfo=tokyo)
    assert period_of(since, until, by_hour=False, now=NOW) == Period(at(5, 3), at(5, 6), at(5, 6), at(5, 6))


def test_by_hour_no_day_is_read_for_its_hours():
    """Otherwise the hours could not be told apart."""
    period = period_of(at(1), at(4), by_hour=True, now=NOW)
    assert (period.days_since, period.days_until) == (at(4), at(4))


@pytest.mark.parametrize(
    ("since", "until", "by_hour", "name"),
    [
        (at(5), at(5), False, "since"),
        (at(5, 3) + timedelta(minutes=9), at(5, 3) + timedelta(minutes=3), False, "since"),
        (NOW + timedelta(hours=1), None, False, "since"),
        (at(1) - timedelta(days=366, hours=2), at(1), False, "366 days"),
        (at(1) - timedelta(days=31, hours=2), at(1), True, "31 days"),
        (datetime(1969, 1, 1, tzinfo=UTC), None, False, "since"),
        (None, datetime(9999, 12, 31, 23, 59, tzinfo=UTC), False, "until"),
    ],
)
def test_what_makes_no_sense_is_refused(since, until, by_hour, name):
    """The message names the parameter."""
    with pytest.raises(Unprocessable, match=name):
        period_of(since, until, by_hour=by_hour, now=NOW)


@given(moments, st.none() | moments, st.booleans())
def test_whatever_is_asked_is_answered_or_refused(since, until, by_hour):
    """No moment in any time zone overflows; what is answered covers the question and holds its days."""
    try:
        period = period_of(since, until, by_hour=by_hour, now=NOW)
    except Unprocessable:
        return
    assert FIRST_YEAR <= since.year <= LAST_YEAR
    assert period.since <= since < (until or NOW) <= period.until
    assert period.since <= period.days_since <= period.days_until <= period.until
