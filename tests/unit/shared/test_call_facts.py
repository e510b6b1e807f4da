"""What an event says of its call."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.call_facts import call_facts, rank_of
from shared.event_records import StoredEvent
from shared.events import WebhookEvent, read_event
from tests.calls import conversation_update, end_of_call_report, error, event, hang, status_update


def _facts(stored: StoredEvent) -> dict[str, Any]:
    return call_facts(read_event(stored))


def _event(event_type: str, **call: Any) -> WebhookEvent:
    return read_event(event(event_type, "c", {"call": call}))


@pytest.mark.parametrize(
    ("status", "rank"),
    [("initiated", 1), ("queued", 2), ("ongoing", 3), ("forwarded", 4), ("finished", 5), ("failed", 5), ("parked", 3)],
)
def test_rank_follows_the_status(status: str, rank: int):
    """Statuses have an order; one that is not known stands in its middle."""
    assert rank_of(_event("status-update", status=status)) == rank


@pytest.mark.parametrize(("event_type", "rank"), [("end-of-call-report", 5), ("hang", 3), ("conversation-update", 3)])
@pytest.mark.parametrize("status", ["", None, [], 1.5])
def test_rank_without_a_status(event_type: str, rank: int, status: object):
    """Where the status says nothing, the type of the event does."""
    assert rank_of(_event(event_type, status=status)) == rank


def test_empty_texts_say_nothing():
    """The sender writes "" where it does not know; that is no fact."""
    names = ("direction", "callEndTriggerBy", "userNumber", "teamId", "status", "phoneCallStatusReason")
    facts = _facts(conversation_update([], call=dict.fromkeys(names, "")))
    assert {facts[name] for name in ("direction", "end_trigger", "user_number", "team_id", "status")} == {None}


def test_empty_objects_say_nothing():
    """An object of nothing but empty values is no fact either."""
    empty = {"recording": {"s3Bucket": "", "path": ""}, "metadata": {}, "cost": None, "metrics": {}}
    facts = _facts(conversation_update([], call=empty))
    assert {facts[name] for name in ("recording", "metadata", "cost", "call_metrics", "summary", "analysis")} == {None}


def test_analysis_of_the_report():
    """The report's analysis stands beside the call, whose own stays ""; what it holds beyond the known is kept."""
    analysis = {"summary": "Booked.", "successEvaluation": 8, "structuredData": {"day": 1}, "guardrails": [1], "x": ""}
    facts = _facts(end_of_call_report(analysis=analysis))
    assert (facts["summary"], facts["success_evaluation"], facts["structured_data"]) == ("Booked.", "8", {"day": 1})
    assert facts["analysis"] == {"guardrails": [1]}


def test_analysis_of_the_call_where_the_message_has_none():
    """An analysis that stands in the call alone is read there."""
    facts = _facts(
        conversation_update([], analysis={}, call={"analysis": {"summary": "So far.", "successEvaluation": ""}})
    )
    assert (facts["summary"], facts["success_evaluation"]) == ("So far.", None)


@pytest.mark.parametrize(
    ("call", "milliseconds"),
    [
        ({"assistantCallDuration": 61_500, "cost": {"callDuration": 99}}, 61_500),
        ({"assistantCallDuration": 0, "cost": {"callDuration": 61.5}}, 61_500),
        ({"assistantCallDuration": 0, "cost": None}, None),
        ({"assistantCallDuration": "61500"}, 61_500),
        ({"cost": {"callDuration": "NaN"}}, None),
        ({}, None),
    ],
)
def test_duration(call: dict[str, Any], milliseconds: float | None):
    """A call's duration is in milliseconds; the cost counts it in seconds, and 0 means that the call goes on."""
    assert call_facts(_event("end-of-call-report", **call))["duration_ms"] == milliseconds


def test_costs_and_moments_of_the_report():
    """The report tells costs, start and end."""
    facts = _facts(end_of_call_report())
    assert (facts["total_cost"], facts["cost"]["llmVendorCost"]) == (0.31, 0.02)
    assert facts["started_at"] == datetime(2026, 3, 5, 9, 21, 20, 63_000, tzinfo=UTC)
    assert facts["ended_at"] == datetime(2026, 3, 5, 9, 25, 20, 63_000, tzinfo=UTC)


def test_assistant_of_a_status_update():
    """A status-update names the assistant and its model."""
    facts = _facts(status_update("queued"))
    assert (facts["assistant_name"], facts["llm_provider"]) == ("Reception - main", "gemini")


@pytest.mark.parametrize("odd", [None, "", [], 7, "text", [{}]])
def test_parts_of_the_wrong_type(odd: object):
    """A part that is no object says nothing and costs no other."""
    parts = {"analysis": odd, "assistant": odd}
    facts = call_facts(
        read_event(event("hang", "c", {**parts, "call": {"cost": odd, "metadata": odd, "analysis": odd}}))
    )
    assert facts["team_id"] == "67c0231ae6880fe48ef929ee"
    assert {facts[name] for name in ("cost", "metadata", "summary", "assistant_name", "total_cost")} == {None}


@pytest.mark.parametrize("stored", [hang(), error(), error(call={"status": None})])
def test_events_with_little_in_them(stored: StoredEvent):
    """An event that knows next to nothing is read."""
    assert _facts(stored)["summary"] is None
