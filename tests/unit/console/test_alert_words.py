"""An alert in words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.api.alerts import Alert
from console.pages.alert_words import by_urgency, standing
from console.pages.places import place_of_ours

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


def alert(**parts: Any) -> Alert:
    told = {"alert_id": "a", "rule": "hang", "severity": "warning", "is_silenced": False, **parts}
    began = {"began_at": NOW - timedelta(minutes=5), "raised_at": NOW - timedelta(minutes=4)}
    return Alert.model_validate({**dict.fromkeys(Alert.model_fields), **began, **told})


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({}, "open for 5 min"),
        ({"clear_since": NOW - timedelta(seconds=40)}, "open for 5 min, clear for 40 s"),
        ({"resolved_at": NOW - timedelta(minutes=2)}, "over, lasted 3 min"),
        ({"raised_at": NOW, "resolved_at": NOW}, "over when it was found"),
    ],
)
def test_how_an_alert_stands_is_told_from_when_it_began(parts, words):
    """And not from when it was raised: a condition may have held for a while by then."""
    assert standing(alert(**parts), NOW) == words


def test_the_severest_come_first_and_of_these_the_newest():
    """A severity that is not known comes last."""
    newest = alert(alert_id="b", raised_at=NOW)
    critical, unknown = alert(alert_id="c", severity="critical"), alert(alert_id="d", severity="odd")
    ordered = sorted([unknown, alert(), newest, critical], key=by_urgency)
    assert [one.alert_id for one in ordered] == ["c", "b", "a", "d"]


@pytest.mark.parametrize(("seconds", "words"), [(34, "34 s"), (4500, "1 h 15 min"), (183_600, "2 d 3 h"), (-5, "0 s")])
def test_a_length_is_told_as_far_as_it_matters(seconds, words):
    """A clock that runs ahead of ours makes nothing negative."""
    assert standing(alert(began_at=NOW - timedelta(seconds=seconds)), NOW) == f"open for {words}"


@pytest.mark.parametrize("place", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a\nb"])
def test_nobody_is_led_elsewhere(place):
    """What names another host, or is no address of ours, is not followed."""
    assert place_of_ours(place, "/alerts") == "/alerts"
    assert place_of_ours("/calls/a%2Fb?turn=1", "/alerts") == "/calls/a%2Fb?turn=1"
