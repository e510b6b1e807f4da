"""What the ingest learns of a body, without decoding the history in it."""

import json

import pytest

from shared.envelope import Unroutable, open_envelope
from shared.stages import stages_for
from tests.calls import CALL_ID, EXAMPLE, user


def _body(**message: object) -> bytes:
    return json.dumps({"message": {"type": "hang", "call": {"id": "c"}, **message}}).encode()


def test_documented_example():
    """The documented event is routed by its type and call, and its body stays byte for byte."""
    body = EXAMPLE.read_bytes()
    envelope = open_envelope(body)
    assert (envelope.event_type, envelope.call_id) == ("conversation-update", CALL_ID)
    assert envelope.body is body


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b"[1]", "not_an_object"),
        (b"null", "not_an_object"),
        (b"{}", "no_message"),
        (b'{"event": {}}', "foreign_envelope"),
        (b'{"message": []}', "no_message"),
        (b'{"message": {}}', "unknown_type"),
        (_body(type="campaign"), "unknown_type"),
        (_body(type=["hang"]), "unknown_type"),
        (_body(call=None), "no_call_id"),
        (_body(call=[]), "no_call_id"),
        (_body(call={"id": ""}), "no_call_id"),
        (_body(call={"id": {}}), "no_call_id"),
        (b'{"message": {"type": "hang"}}', "no_call_id"),
        (b'{"message": {"type": "hang", "x": %b}}' % (b"[" * 100_000 + b"]" * 100_000), "nested_too_deeply"),
    ],
)
def test_unroutable_has_a_reason(body: bytes, reason: str):
    """A body that no stage can take is told by one word, which is never a part of it."""
    with pytest.raises(Unroutable) as raised:
        open_envelope(body)
    assert raised.value.reason == reason


@pytest.mark.parametrize(
    ("call", "call_id"),
    [
        (b'"a\\nb"', "a\nb"),
        (b'"\\u0000"', "\ufffd"),
        (b'"\\ud800"', "\ufffd"),
        (b"7", "7"),
        (b'"a", "n": NaN', "a"),
        (b'"a", "id": "b"', "b"),
    ],
)
def test_odd_call_ids(call: bytes, call_id: str):
    """An id of any script and shape is one that PostgreSQL can hold."""
    envelope = open_envelope(b'{"message": {"type": "hang", "call": {"id": %b}}}' % call)
    assert envelope.call_id == call_id
    json.loads(envelope.body, parse_constant=pytest.fail)


def test_byte_order_mark():
    """A BOM before the body changes nothing."""
    assert open_envelope(b"\xef\xbb\xbf" + _body()).body == _body().replace(b" ", b"")


@pytest.mark.parametrize(
    ("messages", "carries"),
    [([], False), ([user(1)], True), (None, False), ("x", False), ({"a": 1}, False), ([None], True)],
)
def test_hang_with_a_history_goes_to_the_transcripts_too(messages: object, carries: bool):
    """A hang or error is transcribed when it carries messages."""
    envelope = open_envelope(_body(messages=messages))
    stages = stages_for("hang", carries_messages=envelope.carries_messages)
    assert ("transcripts" in stages) is carries


def test_every_type_has_its_stages():
    """The five types go where the design sends them, and no other goes anywhere."""
    routes = {
        name: set(stages_for(name, carries_messages=False))
        for name in ("conversation-update", "status-update", "end-of-call-report", "hang", "error", "else")
    }
    conversation = {"transcripts", "metrics", "interruptions", "sentiment"}
    assert routes == {
        "conversation-update": conversation,
        "status-update": {"lifecycle"},
        "end-of-call-report": {"lifecycle", *conversation},
        "hang": {"lifecycle"},
        "error": {"lifecycle"},
        "else": set(),
    }
