"""Each shape in which an interruption is told."""

import json
from typing import Any

import msgspec
import pytest

from shared.event_records import StoredEvent
from shared.events import read_event
from shared.fields import moment
from tests.calls import conversation_update, end_of_call_report, heard_at, user
from workers.interruptions import read_content, read_turns

Rows = dict[tuple[str, int], dict[str, Any]]


def _skipped(*items: Any) -> Rows:
    message = user(2, skippedAssistantMessages=list(items))
    return dict(read_content(msgspec.Raw(json.dumps(message).encode())).rows)


def _told(stored: StoredEvent) -> Rows:
    rows: Rows = {}
    event = read_event(stored)
    for raw in (*msgspec.json.decode(event.history, type=list[msgspec.Raw]), *read_turns(event)):
        rows |= read_content(raw).rows
    return rows


def _report(*turns: Any) -> Rows:
    return _told(end_of_call_report(bot_turns=list(turns)))


@pytest.mark.parametrize(
    ("item", "text", "message_id"),
    [
        ({"text": "So I", "messageId": "user-1-x-1"}, "So I", "user-1-x-1"),
        ({"text": "So I"}, "So I", None),
        ({"messageId": "user-1-x-1"}, None, "user-1-x-1"),
        ({"text": "", "messageId": ""}, None, None),
        ({}, None, None),
        ("So I", "So I", None),
        (7, "7", None),
        (["So", "I"], '["So","I"]', None),
    ],
)
def test_skipped_message(item: object, text: str | None, message_id: str | None):
    """A skipped message is a row of the user's message that cut in, with what is known of it."""
    ((key, row),) = _skipped(item).items()
    assert key == ("user-2", 0)
    assert (row["interrupted_text"], row.get("interrupted_message_id"), row["kind"]) == (text, message_id, "skipped")
    assert row["interrupted_at"] == moment(heard_at(2) + 1001)


def test_null_is_no_interruption():
    """A null in the list says nothing, and the others keep their places."""
    assert list(_skipped(None, "a", None, "b")) == [("user-2", 1), ("user-2", 3)]


@pytest.mark.parametrize("skipped", [None, "text", {"text": "So I"}, 7])
def test_list_of_the_wrong_type_is_empty(skipped: object):
    """What is no list lists nothing."""
    assert _told(conversation_update([user(2, skippedAssistantMessages=skipped)])) == {}


@pytest.mark.parametrize(
    "element", [None, "text", 7, [], {}, {"botTurn": {"interrupted": True}, "place": 0}, {"botTurn": 1}]
)
def test_element_that_is_no_message(element: object):
    """An element of the history that is no message tells of no interruption, though it look like one of ours."""
    assert _told(conversation_update([element])) == {}


def test_interrupted_turn_of_the_report():
    """A bot turn that was cut short is a row of the user's message it answered; durations come in seconds."""
    turn = {"start": 4000, "end": 9000, "interrupted": True, "playedDuration": 1.5, "audioDuration": 3.2}
    rows = _report({"interrupted": False}, {**turn, "userMessageId": "user-2"})
    row = {"interrupted_at": None, "kind": "barge_in", "played_ms": 1500.0, "audio_ms": 3200.0}
    assert rows == {("user-2", -2): row}


def test_moment_of_a_turn_since_1970():
    """Where a turn's end counts from 1970, it is the moment of the interruption."""
    ((_, row),) = _report({"interrupted": True, "end": heard_at(1)}).items()
    assert row["interrupted_at"] == moment(heard_at(1))


@pytest.mark.parametrize("turn", [None, 7, "text", [], {}, {"interrupted": "yes"}, {"interrupted": False}])
def test_turn_that_was_not_interrupted(turn: object):
    """A turn of any other shape tells of no interruption."""
    assert _report(turn) == {}


@pytest.mark.parametrize("odd", [None, [], "text", {"turnsStats": []}, {"turnsStats": {"botTurns": {}}}])
def test_report_without_turns(odd: object):
    """A report whose statistics are missing or odd tells of none."""
    assert _told(end_of_call_report(call={"metrics": {"callStats": odd}})) == {}


def test_turn_without_the_users_message():
    """An interrupted turn is kept though the message it answered is not told."""
    assert set(_report({"interrupted": True, "playedDuration": "1"})) == {("unknown", -1)}
