"""The filters of the page of calls, and what a call's page works out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.api.calls import CallDetail
from console.pages.call_page import cost_lines, is_live
from console.pages.calls import CallsPage, read_filters

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
        ("2026-03-05T09:21:00+02:00", "2026-03-05T09:21:00+02:00"),
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
    ("parts", "expected"),
    [
        ({"status": "ongoing"}, True),
        ({"status": None}, True),
        ({"status": "finished"}, False),
        ({"status": "ongoing", "ended_at": NOW}, False),
        ({"status": "ongoing", "last_message_at": NOW - timedelta(hours=2)}, False),
    ],
)
def test_a_call_is_live_until_it_ends_or_falls_silent_for_long(parts, expected):
    """Nobody tells of every end."""
    assert is_live(call(**parts), NOW) == expected


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
