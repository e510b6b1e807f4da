"""Made-up calls: shaped like the platform's, the same for the same seed, and disturbed only as asked."""

from collections import Counter
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from earshot.disturbance import LATEST, Disturbance, disturbed
from earshot.simulation import COMPLAINTS, Plan, count_events, simulate_call, simulate_calls
from shared.envelope import open_envelope

EVENTS = [b"%d" % number for number in range(200)]


def updates(messages: int) -> list[list[dict]]:
    """List the histories of a call's conversation-updates."""
    events = (event["message"] for event in simulate_call(1, 1, Plan(messages)))
    return [event["messages"] for event in events if event["type"] == "conversation-update"]


def test_every_event_is_one_the_ingest_routes():
    """What is simulated is accepted as an event of its call."""
    bodies = [msgspec.json.encode(event) for event in simulate_call(1, 1)]
    assert len({open_envelope(body).call_id for body in bodies}) == 1


def test_each_update_adds_one_message_to_the_last():
    """The history grows message by message, and what was said stays as it was."""
    histories = updates(20)
    assert list(range(1, 21)) == [len(history) for history in histories]
    assert all(later[:-1] == earlier for earlier, later in pairwise(histories))


def test_the_parts_of_a_turn_add_up():
    """From the end of the transcription to audio ready is exactly the sum of the parts."""
    messages = {message["messageId"]: message for message in updates(20)[-1]}
    replies = [message for message_id, message in messages.items() if message_id.count("-") > 1]
    for reply in replies:
        asked = messages["-".join(reply["messageId"].split("-")[:2])]
        heard, llm, tts = asked["metrics"]["interactlyEOU"], reply["metrics"]["llm"], reply["metrics"]["tts"]
        parts = sum(heard.values()) + llm["queueLatencyMs"] + llm["responseLatencyMs"]
        parts += tts["queueLatencyMs"] + tts["generationTimeMs"]
        assert parts == reply["timestamp"] - asked["metrics"]["stt"]["timestampMs"]


def test_anger_changes_what_is_said_and_nothing_else():
    """With angry callers a call has the same ids, times and metrics, and other words."""
    calm, angry = (
        [event["message"].get("messages", [])[-1:] for event in simulate_call(1, 1, Plan(9, angry=share))]
        for share in (0, 1)
    )
    assert _texts(angry) - _texts(calm) <= set(COMPLAINTS)
    assert _texts(angry) & _texts(calm) == _texts(calm, "assistant")
    assert _without_texts(calm) == _without_texts(angry)


def test_the_same_seed_makes_the_same_calls():
    """A stream can be repeated, and another seed makes another."""
    first, again, other = (list(simulate_calls(seed, 3, 2, Plan(5))) for seed in (1, 1, 2))
    assert first == again
    assert not set(first) & set(other)


def test_calls_go_on_side_by_side():
    """With two calls at once their events alternate, and every call is told to its end."""
    calls = [open_envelope(body).call_id for body in simulate_calls(1, 4, 2, Plan(5))]
    assert calls[0] != calls[1]
    assert list(Counter(calls).values()) == [count_events(Plan(5))] * 4


def test_undisturbed_events_pass_as_they_are():
    """Nothing asked, nothing changed."""
    assert list(disturbed(EVENTS, Disturbance(), seed=1)) == EVENTS


@given(st.integers(), st.floats(0, 1), st.floats(0, 1))
def test_only_loss_loses_and_only_duplication_doubles(seed, duplicate, reorder):
    """Without loss every event arrives; late ones come at most so much later."""
    arrived = list(disturbed(EVENTS, Disturbance(duplicate=duplicate, reorder=reorder), seed))
    assert set(EVENTS) == set(arrived)
    assert max(Counter(arrived).values()) <= 2
    if not duplicate:
        assert all(place - int(event) <= LATEST for place, event in enumerate(arrived))


def test_everything_can_be_lost():
    """A share of one loses all."""
    assert list(disturbed(EVENTS, Disturbance(lose=1), seed=1)) == []


def _texts(histories: list, role: str = "") -> set[str]:
    return {message["text"] for messages in histories for message in messages if message["role"].startswith(role)}


def _without_texts(histories: list) -> list:
    return [[{**message, "text": ""} for message in messages] for messages in histories]
