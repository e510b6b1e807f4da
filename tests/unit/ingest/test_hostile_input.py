"""What the platform is known or feared to send: valid JSON, all of it, that must be accepted and kept."""

import json

import pytest

from shared import lenient_json
from shared.event_records import load_event
from shared.stages import QUARANTINE
from tests.unit.ingest.conftest import webhook
from tests.unit.ingest.test_webhook import queues_of


def saying(text: str) -> bytes:
    """Build an event in which a message says this; the text stands in the JSON as it is given."""
    return (
        b'{"message": {"type": "conversation-update", "call": {"id": "WC-1"}, "messages": [{"text": %b}]}}'
        % text.encode()
    )


STAGED = {
    "nul": saying(r'"a\u0000b"'),
    "lone surrogate": saying(r'"\ud800 and \udc00"'),
    "raw surrogate bytes": saying('"@"').replace(b"@", b"\xed\xa0\x80"),
    "invalid utf-8": saying('"@"').replace(b"@", b"\xff\xfe"),
    "NaN": saying("NaN"),
    "infinities": saying("[Infinity, -Infinity]"),
    "1e999": saying("1e999"),
    "integer of 5,000 digits": saying("9" * 5000),
    "duplicate keys": webhook()[:-2] + b', "type": "conversation-update", "call": {"id": "WC-2"}}}',
    "deep nesting in the history": saying("[" * 300 + "]" * 300),
    "byte order mark": b"\xef\xbb\xbf" + webhook(),
    "utf-16": webhook().decode().encode("utf-16"),
    "10 kB text": saying(json.dumps("word " * 2000)),
    "html and tags": saying(r'"<end_call> <script>alert(1)</script> </s>"'),
    "right-to-left and four-byte characters": saying('"שלום 👋🏽 مرحبا \u202e"'),
    "id with newlines": webhook(call_id="WC-1\nERROR forged\r\n"),
    "id of 10 kB": webhook(call_id="x" * 10_000),
    "id with a NUL": webhook(call_id="WC-\0"),
    "number as id": webhook(call_id=17),
    "numbers as strings": webhook(timestamp="1760000000000"),
    "ISO instead of milliseconds": webhook(timestamp="2026-01-01T00:00:00Z"),
    "seconds instead of milliseconds": webhook(timestamp=1760000000),
    "year 50000": webhook(timestamp=1515724800000000),
    "null everywhere": webhook(messages=None, assistant=None, analysis=None),
}

QUARANTINED = {
    "deep nesting": saying("[" * 100_000 + "]" * 100_000),
    "very deep objects": saying('{"a":' * 20_000 + "1" + "}" * 20_000),
    "type with a NUL": webhook("hang\0"),
    "type of another kind": b'{"message": {"type": ["hang"], "call": {"id": "WC-1"}}}',
    "call of another kind": b'{"message": {"type": "hang", "call": "WC-1"}}',
    "id of another kind": webhook(call_id={"a": 1}),
}


@pytest.mark.parametrize("body", STAGED.values(), ids=STAGED)
def test_a_hostile_event_reaches_its_stages(post, redis, body):
    """It is accepted, and the stages can read what they get."""
    answer = post(body)
    assert (answer.status_code, answer.json["status"]) == (202, "queued")
    assert {"transcripts", "metrics", "interruptions", "sentiment"} == queues_of(redis, answer.json["event_id"])
    assert "message" in lenient_json.decode(load_event(redis, answer.json["event_id"]).body)


@pytest.mark.parametrize("body", QUARANTINED.values(), ids=QUARANTINED)
def test_a_hostile_body_is_kept_in_quarantine(post, redis, body):
    """What cannot be routed is accepted and kept whole."""
    answer = post(body)
    assert (answer.status_code, answer.json["status"]) == (202, "quarantined")
    assert {QUARANTINE} == queues_of(redis, answer.json["event_id"])
    assert body == load_event(redis, answer.json["event_id"]).body


@pytest.mark.parametrize("depth", [10, 100, 300, 450, 600, 900, 990, 2000, 100_000])
def test_a_nested_body_with_the_platforms_settings_is_accepted(post, redis, depth):
    """At no depth does scrubbing fail on a body, or leave the secret in it."""
    settings = '{"assistantServer": {"secret": "platform-secret"}}'
    answer = post(saying("[" * depth + settings + "]" * depth))
    assert answer.status_code == 202
    assert b"platform-secret" not in load_event(redis, answer.json["event_id"]).body


@pytest.mark.parametrize("body", [b"\x00\xff\xfe\x00", b"not json", b"{'a': 1}", b'{"a": 1}}', b"\x1f\x8b\x08\x00"])
def test_garbage_is_refused_and_kept(post, redis, body):
    """What is no JSON at all is told to the sender, and kept."""
    answer = post(body)
    assert answer.status_code == 400
    assert body == load_event(redis, answer.json["event_id"]).body
