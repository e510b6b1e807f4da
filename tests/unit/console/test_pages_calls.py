"""The filters of the page of calls, and what a call's page works out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from console.api.calls import CallDetail, CallsQuery
from console.pages.call_choices import Team
from console.pages.call_page import cost_lines
from console.pages.calls import CallsPage, read_filters
from console.pages.labels import describe_filters
from console.pages.liveness import is_ended, is_live, silent_since

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


def call(**parts: Any) -> CallDetail:
    told = {"call_id": "WC-1", "began_at": NOW - timedelta(minutes=5), "message_count": 2, **parts}
    return CallDetail.model_validate({**dict.fromkeys(CallDetail.model_fields), **told})


def test_fields_left_empty_ask_for_nothing():
    """A form sends all its fields."""
    assert read_filters({"status": "", "search": "  refund ", "format": "csv"}) == {"search": "refund"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-05T09:21", "2026-03-05T09:21:00+00:00"),
        ("2026-03-05T09:21:00Z", "2026-03-05T09:21:00+00:00"),
        ("2026-03-05T09:21:00+02:00", "2026-03-05T07:21:00+00:00"),
        ("yesterday", "yesterday"),
    ],
)
def test_a_time_without_a_zone_is_utc(written, meant):
    """A field of date and time sends none; what is no time stays as it is, to be refused."""
    assert read_filters({"since": written}) == {"since": meant}


def test_links_keep_the_filters_and_leave_the_page():
    """The next page and the export show what the form shows."""
    page = CallsPage({"search": "a&b", "cursor": "old", "limit": "10"})
    assert page.path_of("/calls", cursor="new") == "/calls?search=a%26b&cursor=new"
    assert page.path_of("/api/calls", format="csv") == "/api/calls?search=a%26b&format=csv"
    assert CallsPage({}).path_of("/calls") == "/calls"


@pytest.mark.parametrize(
    ("parts", "state"),
    [
        ({"status": "ongoing"}, "live"),
        ({"status": None}, "live"),
        ({"status": "finished"}, "ended"),
        ({"status": "ongoing", "ended_at": NOW}, "ended"),
        ({"status": "ongoing", "began_at": NOW - timedelta(hours=2)}, "silent"),
        ({"status": "ongoing", "last_message_at": NOW - timedelta(hours=2), "began_at": NOW - timedelta(3)}, "silent"),
        ({"status": "ongoing", "last_message_at": NOW, "began_at": NOW - timedelta(hours=25)}, "silent"),
    ],
)
def test_a_call_is_live_until_it_ends_or_falls_silent_for_long(parts, state):
    """Nobody tells of every end, and no call lasts longer than a day."""
    found = {"live": is_live(call(**parts), NOW), "ended": is_ended(call(**parts))}
    found["silent"] = silent_since(call(**parts), NOW) is not None
    assert [name for name, holds in found.items() if holds] == [state]


def test_what_was_heard_last_tells_since_when_a_call_is_silent():
    """Its newest message, or its beginning where there was none."""
    began_at, heard_at = NOW - timedelta(hours=9), NOW - timedelta(hours=8)
    assert silent_since(call(began_at=began_at, last_message_at=heard_at), NOW) == heard_at
    assert silent_since(call(began_at=began_at), NOW) == began_at


def test_a_filter_that_makes_no_sense_is_told_by_its_label():
    """A parameter without a field keeps its name."""
    with pytest.raises(ValidationError) as refusal:
        CallsQuery.model_validate({"slow": "perhaps", "colour": "red"})
    told = describe_filters(refusal.value)
    assert told == "Slow: is neither true nor false; colour: is no filter of this page"


def test_a_team_is_known_by_an_assistant_of_it():
    """Teams have no names of their own; two teams with the same assistant are told apart by their ids' ends."""
    assert Team(value="697769ef5e6d94d5ad83e01e", name="Reception").words == "Reception (…83e01e)"
    assert Team(value="t-1", name=None).words == "t-1"


def test_a_cost_lists_its_amounts_with_the_total_last():
    """Neither durations nor what is no number are amounts."""
    cost = {
        "callDuration": 240,
        "totalCost": 0.31,
        "llmVendorCost": 0.02,
        "ttsVendorCost": 0.2,
        "plan": "x",
        "free": True,
    }
    assert [name for name, _ in cost_lines(cost)] == ["ttsVendorCost", "llmVendorCost", "totalCost"]
