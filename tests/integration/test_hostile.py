"""Valid JSON that nobody sane sends: it fails no event, no neighbour and no worker, and no error quotes it."""

import json
import logging
import traceback
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from redis import Redis

from shared.database import Database
from shared.envelope import Unroutable
from shared.errors import BadEvent
from shared.event_records import StoredEvent
from shared.jobs import StageJob
from tests.calls import (
    CALL_ID,
    RECEIVED_AT_MS,
    STARTED_AT_MS,
    conversation_update,
    event,
    having,
    stages_of,
    status_update,
    stored,
    user,
)
from tests.stage_runs import TIMEOUT_SECONDS, Stages
from workers import tasks

PRIVATE = "my name is Asha"
# PostgreSQL compresses the keys of an index, so only a long id without a pattern is long.
LONG_ID = Random(1).randbytes(5000).hex()
QUOTING_TRIGGER = """
    create function refuse() returns trigger language plpgsql as $$
        begin
            raise exception 'invalid input syntax: "%"', new.text using errcode = 'invalid_text_representation';
        end
    $$;
    create trigger refuse before insert on messages for each row execute function refuse();
"""
NEIGHBOUR = json.dumps(user(1)).encode()
DEEP = b"[" * 900 + b"]" * 900


@pytest.fixture
def stages(database_url: str) -> Iterator[Stages]:
    """All stages, on this test's database."""
    with Stages(database_url) as running:
        yield running


def _told(element: bytes, call: bytes = b"") -> StoredEvent:
    """Make an event of raw JSON: a good message, and beside it an element of the test's."""
    body = b'{"message": {"type": "conversation-update", "timestamp": %d, "call": {"id": "c"%b}, "messages": [%b, %b]}}'
    return stored(body % (STARTED_AT_MS, call, NEIGHBOUR, element))


def _said(stages: Stages) -> list[tuple[Any, ...]]:
    query = "select message_id, text from messages join message_metrics using (message_id) where message_id = 'user-1'"
    return stages.select(query)


@pytest.mark.parametrize(
    "element",
    [
        *(b"null", b'"text"', b"7", b"[]", b"{}", b'{"text": "without an id"}', b'{"botTurn": 1}'),
        *(b'{"messageId": "a\\nb"}', b'{"messageId": "\\u0000"}', b'{"messageId": "\\ud800"}'),
        *(b'{"messageId": "%b"}' % LONG_ID.encode(), b'{"messageId": "%b"}' % ("😀" * 3000).encode()),
        *(b'{"messageId": 7}', b'{"messageId": []}', b'{"messageId": ""}'),
        b'{"messageId": "m", "text": "%b"}' % (b"long " * 2000),
        b'{"messageId": "m", "text": "<script>alert(1)</script> <end_call> \\u0000 \\udead \xf0\x9f\x98\x80 \xd7\xa9"}',
        b'{"messageId": "m", "text": "not utf-8: \xe9"}',
        b'{"messageId": "m", "text": "first", "text": "second"}',
        *(
            b'{"messageId": "m", "timestamp": %b, "metrics": {"stt": {"confidence": %b, "timestampMs": %b}, "x": %b}}'
            % ((value,) * 4)
            for value in (
                *(b"NaN", b"-Infinity", b"1e999", b"1e300", b"-5", b'"12"', b'"2026-03-05T09:21:20Z"', b"1772702480"),
                *(b"1515726000000000", b"true", b"{}", b"1" * 400, b'"\\u0000"', b"9223372036854775808"),
            )
        ),
        b'{"messageId": "m", "metrics": {"x\\u0000": {"\\ud800": "\\u0000"}}}',
        *(b'{"messageId": "m", "%b": %b}' % (name, DEEP) for name in (b"text", b"messageId", b"timestamp", b"other")),
        b'{"messageId": "m", "metrics": {"x": {"y": %b}}}' % DEEP,
        b'{"messageId": "m", "skippedAssistantMessages": [%b, null, {"text": %b}]}' % (DEEP, DEEP),
    ],
    ids=lambda element: ascii(element[:50]),
)
def test_element_fails_neither_event_nor_neighbour(stages: Stages, element: bytes):
    """Whatever stands in a history, twice and with another event in the batch, the good message is stored."""
    events = [_told(element), conversation_update([user(2)], call_id="other")]
    for stage in ("transcripts", "metrics", "interruptions", "sentiment"):
        stages.run(stage, *events)
        stages.run(stage, *reversed(events))
    assert _said(stages) == [("user-1", "Hello.")]
    assert stages.select("select count(*) from messages where call_id = 'other'") == [(1,)]


@pytest.mark.parametrize("value", [b"NaN", b"1e999", b"1e300", b'"\\u0000"', b'"\\ud800"', DEEP, b"[null]", b"1" * 400])
def test_facts_of_a_call(stages: Stages, value: bytes):
    """Whatever stands in the call, the event is stored in every stage."""
    names = ("teamId", "status", "startAt", "endAt", "assistantCallDuration", "userNumber", "metadata", "cost")
    facts = b"".join(b', "%b": %b' % (name.encode(), value) for name in names)
    facts += b', "recording": {"path": %b}, "metrics": {"callStats": %b}, "analysis": {"summary": %b}' % ((value,) * 3)
    body = b'{"message": {"type": "%b", "call": {"id": "c"%b}, "error": {"details": %b}, "messages": [%b]}}'
    for event_type in (b"conversation-update", b"status-update", b"end-of-call-report", b"hang", b"error"):
        stages.send(stored(body % (event_type, facts, value, NEIGHBOUR)))
    assert stages.select("select call_id, message_count from calls") == [("c", 1)]


@pytest.mark.parametrize("call_id", ["a\nb", "\0", LONG_ID, "😀" * 3000, "a' or 1=1 --", "שלום", "{}", "\\"])
def test_call_id(stages: Stages, call_id: str):
    """An id of any length and script is a call in every table, and its messages are found by it."""
    stages.send(conversation_update([user(1)], call_id=call_id), status_update("queued", call_id=call_id))
    query = "select count(*) from calls join messages using (call_id) join snapshots using (call_id)"
    assert stages.select(query) == [(2,)]


def test_year_50000_is_no_moment(stages: Stages):
    """A moment that no column holds is not known; what was said is."""
    stages.send(_told(json.dumps(having(user(2), "timestamp", value=1_515_726_000_000_000)).encode()))
    assert stages.select("select text, spoken_at from messages where message_id = 'user-2'") == [("Hello.", None)]


def test_text_is_kept_as_it_was_said(stages: Stages):
    """Tags, quotes, right-to-left and four-byte characters come out as they went in."""
    text = "<end_call> '; drop table calls; -- \u202eשלום😀 %s {} \\n"
    stages.send(conversation_update([user(1, text=text)]))
    assert stages.select("select text from messages") == [(text,)]


@pytest.mark.parametrize("depth", [2000, 100_000])
def test_endless_nesting_goes_to_quarantine(depth: int):
    """What nests too deeply to be walked is told at the door."""
    with pytest.raises(Unroutable, match="nested_too_deeply"):
        _told(b"[" * depth + b"]" * depth)


def test_byte_order_mark(stages: Stages):
    """An event that begins with a BOM is stored."""
    one = stored(b"\xef\xbb\xbf" + conversation_update([user(1)]).body)
    assert "transcripts" in stages_of(one)
    stages.send(one)
    assert _said(stages) == [("user-1", "Hello.")]


class TestPayloadInErrors:
    """What a failing stage says."""

    @pytest.fixture
    def fail(self, database_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch):
        """Run a job of the transcripts on an event, and give the exception that comes out."""
        database = Database(database_url, TIMEOUT_SECONDS)
        job = StageJob(id="event-transcripts", connection=redis)
        monkeypatch.setattr(tasks, "_databases", [database])
        monkeypatch.setattr(tasks, "get_current_job", lambda: job)

        def run(event: StoredEvent) -> Exception:
            monkeypatch.setattr(tasks, "load_event", lambda *_: event)
            with pytest.raises((BadEvent, tasks.StageFailed)) as raised:
                tasks.transcripts("event")
            return raised.value

        yield run
        database.close()

    def test_value_that_postgresql_refuses(self, fail, caplog: pytest.LogCaptureFixture):
        """A refused value is a bad event, and neither the error nor the log quotes it."""
        refused = conversation_update([user(1, text=PRIVATE)])
        failure = fail(StoredEvent("event", refused.event_type, f"{PRIVATE}\0", RECEIVED_AT_MS, refused.body))
        assert isinstance(failure, BadEvent)
        assert PRIVATE not in _everything(failure) + caplog.text

    def test_value_that_postgresql_quotes(self, fail, stages: Stages, caplog: pytest.LogCaptureFixture):
        """Where PostgreSQL's refusal quotes the value, the bad event does not."""
        stages.session.execute(QUOTING_TRIGGER)
        failure = fail(conversation_update([user(1, text=PRIVATE)]))
        assert isinstance(failure, BadEvent)
        assert PRIVATE not in _everything(failure) + caplog.text

    def test_row_that_violates_a_constraint(self, fail, stages: Stages, caplog: pytest.LogCaptureFixture):
        """PostgreSQL quotes the whole row of a violated constraint; that text stays in the stage."""
        stages.session.execute("alter table messages add constraint short check (length(text) < 3)")
        failure = fail(conversation_update([user(1, text=PRIVATE)]))
        assert isinstance(failure, tasks.StageFailed)
        assert "CheckViolation (23514, constraint short) at workers/absorption.py:" in str(failure)
        assert PRIVATE not in _everything(failure) + caplog.text

    @pytest.mark.parametrize("body", [b'{"message": {"text": "my name is Asha"', b'"my name is Asha"'])
    def test_body_that_cannot_be_read(self, fail, body: bytes, caplog: pytest.LogCaptureFixture):
        """A broken body is a bad event that is not quoted."""
        caplog.set_level(logging.DEBUG)
        failure = fail(StoredEvent("event", "conversation-update", CALL_ID, RECEIVED_AT_MS, body))
        assert isinstance(failure, BadEvent)
        assert PRIVATE not in _everything(failure) + caplog.text

    def test_fault_of_our_own(self, fail, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
        """An exception that quotes a payload comes out as its type and place alone."""

        def stumble(*_: object) -> dict[str, int]:
            raise KeyError(PRIVATE)

        monkeypatch.setattr(tasks, "PROCESSES", {"transcripts": stumble})
        failure = fail(conversation_update([]))
        assert str(failure).startswith("KeyError at workers/")
        assert PRIVATE not in _everything(failure) + caplog.text


def _everything(failure: Exception) -> str:
    return "".join(traceback.format_exception(failure)) + repr(failure)


def test_a_call_whose_every_text_is_endless(stages: Stages):
    """What calls are looked up by is cut; nothing that is told of a call is too long for an index."""
    call = dict.fromkeys(("teamId", "assistantId", "callType", "direction", "status", "phoneCallStatus"), LONG_ID)
    one = event("status-update", LONG_ID, {"call": call, "assistant": {"name": LONG_ID, "assistantModel": LONG_ID}})
    stages.run("lifecycle", one)
    assert stages.select("select length(team_id) < 300, length(assistant_name) = 10000 from calls") == [(True, True)]
