"""Scales and axes: round values, few labels, and the same rules for an hour and for a year."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.charts.frames import NARROW, WIDE, value_axis
from console.charts.scales import Scale, round_step, round_values
from console.charts.times import moment_labels, round_moments

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_a_scale_draws_its_ends_at_its_ends():
    """An upright scale turns over: the low value is at the bottom."""
    scale = Scale(0, 200, 300, 100)
    assert [scale.place(value) for value in (0, 50, 200)] == [300, 250, 100]


@pytest.mark.parametrize(
    ("highest", "most", "values"),
    [(0, 5, (0, 1)), (4, 5, (0, 1, 2, 3, 4)), (3120, 5, (0, 1000, 2000, 3000, 4000)), (0.3, 3, (0, 0.1, 0.2, 0.3))],
)
def test_values_on_an_axis_are_round(highest, most, values):
    """They go from 0 to the first that holds everything; nothing at all gives an axis too."""
    assert round_values(highest, most) == values


@given(st.floats(min_value=1e-6, max_value=1e12), st.integers(min_value=1, max_value=40))
def test_an_axis_holds_the_highest_value_in_few_steps(highest, most):
    """Whatever the numbers are: the last mark is not below the highest value, and there are not more than allowed."""
    values = round_values(highest, most)
    assert len(values) <= most + 1
    assert values[-1] >= highest * (1 - 1e-6)
    assert round_step(highest, most) * most >= highest * (1 - 1e-6)


@given(st.integers(min_value=1, max_value=366 * 24), st.integers(min_value=0, max_value=10_000))
def test_no_stretch_of_time_has_too_many_moments(hours, later):
    """From an hour to a year, the moments lie inside it in order, and a phone has no more than four labels."""
    since = NOON + timedelta(minutes=later)
    until = since + timedelta(hours=hours)
    for frame in (WIDE, NARROW):
        moments = round_moments(since, until, frame.most_moments)
        assert len(moments) <= frame.most_moments <= 8
        assert all(since <= moment <= until for moment in moments)
        assert list(moments) == sorted(set(moments))


def test_a_day_is_marked_by_hours_and_midnight_by_its_date():
    """A reader sees at once where the day changes."""
    moments = round_moments(NOON, NOON + timedelta(days=1), 8)
    labels = ("12:00", "15:00", "18:00", "21:00", "24 Nov", "03:00", "06:00", "09:00", "12:00")
    assert moment_labels(moments) == tuple(label for label in labels if label in moment_labels(moments))
    assert "24 Nov" in moment_labels(moments)


def test_weeks_begin_on_mondays():
    """A month is marked by its Mondays."""
    moments = round_moments(NOON, NOON + timedelta(days=30), 5)
    assert {moment.isoweekday() for moment in moments} == {1}


def test_a_year_is_marked_by_months_and_january_by_its_year():
    """The months are written by name."""
    moments = round_moments(NOON, NOON + timedelta(days=366), 8)
    assert moment_labels(moments) == ("Jan 2027", "Mar", "May", "Jul", "Sep", "Nov")


def test_marks_of_values_are_written_for_people():
    """Thousands are set apart, and decimals are there only where they are needed."""
    assert [tick.label for tick in value_axis(2500, WIDE)[1]] == ["0", "500", "1,000", "1,500", "2,000", "2,500"]
    assert [tick.label for tick in value_axis(0.5, WIDE)[1]][1] == "0.1"
