"""What happens to a webhook when Redis does not take it: answers, log lines, and the way back into Redis."""

import time

import pytest
from redis.commands.core import Script
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,  # noqa: A004
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,  # noqa: A004
)
from werkzeug.test import create_environ

from ingest.app import create_app
from ingest.spool import peek
from shared.event_records import load_event
from shared.publisher import event_id_of
from shared.settings import Settings
from shared.stages import QUARANTINE
from tests.unit.ingest.conftest import SECRET, webhook
from tests.unit.ingest.test_webhook import queues_of

CALLING = Script.__call__


class Refusing:
    """Redis' answer to every script while it is ill; counts how often it was asked."""

    def __init__(self, error):
        self.error = error
        self.asked = 0

    def __call__(self, *_arguments, **_names):
        self.asked += 1
        raise self.error


@pytest.fixture
def outage(monkeypatch):
    """Have Redis fail from now on, until it is told to end."""

    class Outage:
        def begin(self, error=None):
            refusing = Refusing(error or ConnectionError("at 10.0.0.1"))
            monkeypatch.setattr(Script, "__call__", refusing)
            return refusing

        def end(self):
            monkeypatch.setattr(Script, "__call__", CALLING)

    return Outage()


@pytest.fixture
def drain(client):
    """Drain the spool once, as the drainer does as soon as it is awake."""
    return client.application.drainer.drain


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("at 10.0.0.1"),
        TimeoutError("Timeout reading from socket"),
        ReadOnlyError("You can't write against a read only replica."),
        OutOfMemoryError("used memory > maxmemory"),
        BusyLoadingError("Redis is loading the dataset in memory"),
        ResponseError("MISCONF Errors writing to the AOF file"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_redis_does_not_take_is_spooled_and_published_later(post, redis, outage, drain, settings, error):
    """The sender hears 202 in either case, and the event is in its queues once Redis takes it, whole."""
    outage.begin(error)
    answer = post(webhook())
    event_id = event_id_of(webhook())
    assert (202, {"event_id": event_id, "status": "spooled"}) == (answer.status_code, answer.json)
    assert redis.dbsize() == 0

    outage.end()
    assert drain()
    assert {"transcripts", "metrics", "interruptions", "sentiment"} == queues_of(redis, event_id)
    kept = load_event(redis, event_id)
    assert (webhook(), "conversation-update", "WC-1") == (kept.body, kept.event_type, kept.call_id)
    assert peek(settings.spool_dir).events == 0


@pytest.mark.parametrize(
    ("body", "headers", "code", "status", "reason"),
    [
        (webhook("speech-update"), {}, 202, "quarantined", "unknown_type"),
        (b'{"message"', {}, 400, None, "malformed_json"),
        (webhook(), {"content_type": "text/plain"}, 415, None, "not_json"),
    ],
)
def test_what_goes_to_quarantine_is_spooled_too(post, redis, outage, drain, body, headers, code, status, reason):
    """The sender is told the same as ever, and the body is in quarantine in the end."""
    outage.begin()
    answer = post(body, **headers)
    assert (code, status) == (answer.status_code, answer.json.get("status"))
    outage.end()
    drain()
    event_id = answer.json["event_id"]
    kept = load_event(redis, event_id)
    assert ({QUARANTINE}, body, reason) == (queues_of(redis, event_id), kept.body, kept.reason)


def test_the_same_body_twice_is_spooled_once(post, redis, outage, drain, settings):
    """Both are told that it is spooled; there is one event and one job for each of its stages."""
    outage.begin()
    answers = [post(webhook()) for _ in range(2)]
    assert [("spooled", event_id_of(webhook()))] * 2 == [(a.json["status"], a.json["event_id"]) for a in answers]
    assert peek(settings.spool_dir).events == 1
    outage.end()
    drain()
    assert redis.llen("rq:queue:metrics") == 1


def test_an_event_that_redis_took_although_its_answer_was_lost_is_done_once(post, redis, monkeypatch, drain):
    """It is spooled as well, and publishing it again adds nothing."""

    def answer_lost(*arguments, **names):
        CALLING(*arguments, **names)
        raise TimeoutError("Timeout reading from socket")

    monkeypatch.setattr(Script, "__call__", answer_lost)
    assert post(webhook()).json["status"] == "spooled"
    assert redis.llen("rq:queue:metrics") == 1
    monkeypatch.setattr(Script, "__call__", CALLING)
    assert drain()
    assert redis.llen("rq:queue:metrics") == 1


def test_after_a_failure_redis_is_left_alone(post, outage, drain):
    """Only the first request waits for a dead Redis; when it has answered a probe it is asked again."""
    refusing = outage.begin()
    for number in range(5):
        assert post(webhook(call_id=f"WC-{number}")).json["status"] == "spooled"
    assert refusing.asked == 1
    outage.end()
    drain()
    assert post(webhook(call_id="WC-9")).json["status"] == "queued"


def test_a_request_that_has_used_up_its_time_is_not_made_to_wait(redis, tmp_path):
    """When the body took longer than PUBLISH_SECONDS, the event is spooled at once, and Redis is asked later."""
    settings = Settings(webhook_secrets=SECRET, spool_dir=tmp_path / "spool", publish_seconds=0.001)
    app = create_app(settings, redis)
    environ = create_environ("/webhooks/interactly", method="POST", data=webhook(), content_type="application/json")
    late = environ | {"HTTP_X_INTERACTLY_SECRET": SECRET, "wsgi.input": Late(environ["wsgi.input"])}
    answer = b"".join(app(late, lambda *_: None))
    assert b'"spooled"' in answer
    app.drainer.drain()
    assert redis.llen("rq:queue:metrics") == 1


class Late:
    """A body that keeps the reader waiting."""

    def __init__(self, body):
        self._body = body

    def read(self, size):
        time.sleep(0.01)
        return self._body.read(size)


@pytest.fixture
def unwritable(tmp_path):
    """Settings whose spool cannot be written."""
    (tmp_path / "file").touch()
    return Settings(webhook_secrets=SECRET, spool_dir=tmp_path / "file" / "spool")


def test_when_neither_can_take_it_the_sender_is_asked_to_come_again(unwritable, redis, outage, lines):
    """503 with Retry-After, no event_id, and for each request a line that calls for a person."""
    client = create_app(unwritable, redis).test_client()
    headers = {"x-interactly-secret": SECRET, "content-type": "application/json"}
    outage.begin()
    for _ in range(2):
        answer = client.post("/webhooks/interactly", data=webhook(), headers=headers)
        assert (503, {"error"}) == (answer.status_code, set(answer.json))
        assert int(answer.headers["Retry-After"]) > 0
    failed = [(line["name"], line["level"], line["reason"]) for line in lines() if line["name"] == "webhook.failed"]
    assert failed == [("webhook.failed", "ERROR", "spool:ENOTDIR")] * 2


def test_redis_is_the_last_resort_when_the_spool_refuses(unwritable, redis, outage):
    """A Redis that has come back unnoticed takes what the spool cannot."""
    client = create_app(unwritable, redis).test_client()
    headers = {"x-interactly-secret": SECRET, "content-type": "application/json"}
    outage.begin()
    assert client.post("/webhooks/interactly", data=webhook(), headers=headers).status_code == 503
    outage.end()
    answer = client.post("/webhooks/interactly", data=webhook(), headers=headers)
    assert (answer.status_code, answer.json["status"]) == (202, "queued")


def test_beginning_and_end_are_told_once(post, outage, drain, lines):
    """Whoever reads the log sees when events began to go into the spool, when that ended, and that it is empty."""
    outage.begin()
    for number in range(3):
        post(webhook(call_id=f"WC-{number}"))
    outage.end()
    drain()
    told = [(line["level"], line["name"]) for line in lines()]
    assert told[0] == ("WARNING", "spool.began")
    assert told[1:4] == [("INFO", "webhook.accepted")] * 3
    assert told[4:] == [("INFO", "spool.ended"), ("INFO", "spool.emptied")]
    assert {line["outcome"] for line in lines() if line["name"] == "webhook.accepted"} == {"spooled"}
    assert lines()[-1]["events"] == 3
    assert lines()[0]["reason"] == "ConnectionError"


def test_no_secret_is_spooled(post, redis, outage, drain, settings):
    """What is removed from a body is removed before it reaches the disk."""
    outage.begin()
    body = webhook("status-update", assistant={"assistantServer": {"secret": "the-platforms-own"}}, copied=SECRET)
    event_id = post(body).json["event_id"]
    outage.end()
    drain()
    kept = load_event(redis, event_id).body
    assert b"the-platforms-own" not in kept
    assert SECRET.encode() not in kept
