"""Which measures of a window are found, and which days are compared with today."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.alerts import BEGINNING, make_rules
from workers.alerting.feed import comparable_days
from workers.alerting.windows import Measure, find_exceeded

KINDS = {
    "hang_rate": {"rate_above": 0.05, "minimum_calls": 20},
    "error_rate": {"rate_above": 0.05, "minimum_errors": 20},
    "turn_latency": {"above_ms": 0.05, "minimum_turns": 20},
    "interruption_rate": {"rate_above": 0.05, "minimum_replies": 20},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("value", "number", "finds"), [(0.05, 20, False), (0.051, 20, True), (0.9, 19, False)])
def test_a_window_is_found_above_the_threshold(kind, value, number, finds):
    """And only where there is enough to go by."""
    (rule,) = make_rules(**{kind: KINDS[kind]}).values()
    found = find_exceeded(rule, iter([Measure(value, number, {"rate": value}, "gemini")]), BEGINNING)
    assert [(one.subject, one.detail["rate"], one.began_at) for one in found] == (
        [("gemini", value, BEGINNING)] if finds else []
    )


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (datetime(2026, 3, 4, 9, tzinfo=UTC), [3, 2, -1, -2, -3, -4, -5, -8, -9]),
        (datetime(2026, 3, 7, 9, tzinfo=UTC), [1, 0, -6]),
    ],
    ids=["Wednesday", "Saturday"],
)
def test_days_are_compared_with_their_like(day, expected):
    """Working days with working days and weekends with weekends, up to 13 days back, at the same time."""
    first = datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert comparable_days(day) == [first + timedelta(days=number - 1) for number in expected]
