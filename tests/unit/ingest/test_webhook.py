"""Every answer of the webhook, and what is in Redis after it."""

import gzip
import json

import pytest
from rq import Queue
from werkzeug.test import create_environ

from ingest.app import create_app
from shared.event_records import load_event
from shared.publisher import event_id_of
from shared.settings import Settings
from shared.stages import QUARANTINE, QUEUES
from tests.unit.ingest.conftest import NEXT_SECRET, SECRET, webhook

PLATFORM_SECRET = "the-platforms-very-own-secret"


def queues_of(redis, event_id):
    """Name the queues in which the event waits."""
    return {queue for queue in QUEUES if f"{event_id}-{queue}".encode() in redis.lrange(Queue(queue, redis).key, 0, -1)}


@pytest.mark.parametrize(
    ("body", "queues"),
    [
        (webhook("conversation-update"), {"transcripts", "metrics", "interruptions", "sentiment"}),
        (webhook("status-update"), {"lifecycle"}),
        (webhook("end-of-call-report"), {"lifecycle", "transcripts", "metrics", "interruptions", "sentiment"}),
        (webhook("hang"), {"lifecycle"}),
        (webhook("hang", messages=[{"text": "Hello."}]), {"lifecycle", "transcripts"}),
        (webhook("error", messages=[]), {"lifecycle"}),
        (webhook("error", messages=[{"text": "Hello."}]), {"lifecycle", "transcripts"}),
    ],
)
def test_a_good_event_is_queued_for_its_stages(post, redis, body, queues):
    """Each event type goes to the queues of its stages, whole, under the digest of its body."""
    answer = post(body)
    event_id = event_id_of(body)
    assert (202, {"event_id": event_id, "status": "queued"}) == (answer.status_code, answer.json)
    assert queues == queues_of(redis, event_id)
    assert body == load_event(redis, event_id).body


def test_the_same_body_again_is_a_duplicate(post, redis):
    """A second delivery of a pending event is accepted and adds no job."""
    first, second = post(webhook()), post(webhook())
    assert (second.status_code, second.json["status"]) == (202, "duplicate")
    assert first.json["event_id"] == second.json["event_id"]
    assert redis.llen("rq:queue:metrics") == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"event": {"id": "campaign"}}', "foreign_envelope"),
        (b'{"hello": 1}', "no_message"),
        (b'{"message": 7}', "no_message"),
        (b"[1, 2]", "not_an_object"),
        (b"null", "not_an_object"),
        (webhook("speech-update"), "unknown_type"),
        (b'{"message": {"call": {"id": "WC-1"}}}', "unknown_type"),
        (webhook(call_id=None), "no_call_id"),
        (b'{"message": {"type": "status-update"}}', "no_call_id"),
        (b'{"message": {"type": "status-update", "x": %b}}' % (b"[" * 5000 + b"]" * 5000), "nested_too_deeply"),
    ],
)
def test_what_is_no_event_of_ours_is_kept_in_quarantine(post, redis, body, reason):
    """The sender hears 202, and the body waits whole in quarantine, with the reason."""
    answer = post(body)
    assert (answer.status_code, answer.json["status"]) == (202, "quarantined")
    event_id = answer.json["event_id"]
    kept = load_event(redis, event_id)
    assert (event_id_of(body), {QUARANTINE}) == (event_id, queues_of(redis, event_id))
    assert (body, reason) == (kept.body, kept.reason)


def test_malformed_json_is_refused_and_kept(post, redis):
    """The sender hears 400 and the id under which the body waits in quarantine."""
    answer = post(b'{"message": {"type"')
    assert (400, {"error", "event_id"}) == (answer.status_code, set(answer.json))
    kept = load_event(redis, answer.json["event_id"])
    assert (kept.body, kept.reason) == (b'{"message": {"type"', "malformed_json")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json"]
)
def test_another_content_type_is_refused_and_kept(post, redis, content_type):
    """The sender hears 415 and the id under which the body waits in quarantine."""
    answer = post(webhook(), content_type=content_type)
    assert (415, {"error", "event_id"}) == (answer.status_code, set(answer.json))
    assert load_event(redis, answer.json["event_id"]).reason == "not_json"


def test_a_refused_body_does_not_shadow_the_good_one_that_follows(post, redis):
    """The same body under the right Content-Type is queued, although it waits in quarantine too."""
    post(webhook(), content_type="text/plain")
    answer = post(webhook())
    assert answer.json["status"] == "queued"
    assert "transcripts" in queues_of(redis, answer.json["event_id"])


@pytest.mark.parametrize(
    "content_type", [None, "", "application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.interactly+json"]
)
def test_json_may_be_declared_in_many_ways(post, content_type):
    """Parameters, capitals, a +json type and no type at all are accepted."""
    assert post(webhook(), content_type=content_type).status_code == 202


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
def test_a_compressed_body_is_refused_and_not_kept(post, redis, encoding):
    """What cannot be searched for the platform's secret is not stored."""
    answer = post(gzip.compress(webhook()), content_encoding=encoding)
    assert (415, {"error"}) == (answer.status_code, set(answer.json))
    assert redis.dbsize() == 0


def test_an_identity_encoding_is_none(post):
    """Naming the absence of an encoding is fine."""
    assert post(webhook(), content_encoding="Identity").status_code == 202


def test_a_body_of_the_largest_size_is_accepted(post, settings):
    """The limit itself is within the limit."""
    body = webhook().ljust(settings.max_body_bytes)
    assert post(body).status_code == 202


class Unreadable:
    """A body that must not be touched."""

    def read(self, _size=-1):
        raise AssertionError("read")


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"CONTENT_LENGTH": "400001"}, 413),
        ({"CONTENT_LENGTH": "9" * 30}, 413),
        ({"CONTENT_LENGTH": ""}, 400),
        ({"CONTENT_LENGTH": "-1"}, 400),
        ({"CONTENT_LENGTH": "٣"}, 400),
        ({"CONTENT_LENGTH": "3", "HTTP_TRANSFER_ENCODING": "chunked"}, 400),
        ({"CONTENT_LENGTH": "400001", "CONTENT_TYPE": "text/plain"}, 415),
        ({"CONTENT_LENGTH": "3", "HTTP_X_INTERACTLY_SECRET": "wrong"}, 401),
    ],
)
def test_what_is_refused_by_its_headers_is_not_read(client, redis, environ, code):
    """A stranger, a chunked body and one that is too large are answered before the body is touched."""
    base = {"HTTP_X_INTERACTLY_SECRET": SECRET, "wsgi.input": Unreadable()}
    request = create_environ("/webhooks/interactly", method="POST", environ_overrides=base | environ)
    statuses = []
    answer = next(iter(client.application(request, lambda status, _headers: statuses.append(status))))
    assert (int(statuses[0][:3]), list(json.loads(answer))) == (code, ["error"])
    assert redis.dbsize() == 0


def test_an_empty_body_is_refused(post, redis):
    """There is nothing to keep."""
    answer = post(b"")
    assert (400, {"error"}, 0) == (answer.status_code, set(answer.json), redis.dbsize())


def test_a_truncated_body_is_refused_and_kept(client, redis):
    """What is shorter than its Content-Length is no event, even when it reads as one, but is not thrown away."""
    environ = {"HTTP_X_INTERACTLY_SECRET": SECRET, "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "5000"}
    answer = client.post("/webhooks/interactly", data=webhook(), environ_overrides=environ)
    assert answer.status_code == 400
    assert answer.json["error"].startswith("truncated")
    assert load_event(redis, answer.json["event_id"]).reason == "truncated"


@pytest.mark.parametrize("secret", [SECRET, NEXT_SECRET])
def test_each_of_several_secrets_is_valid(post, secret):
    """While a secret is replaced, the old one and the new one are accepted."""
    assert post(webhook(), x_interactly_secret=secret).status_code == 202


@pytest.mark.parametrize(
    "secret",
    [None, "", "wrong", SECRET[:-1], f"{SECRET}x", SECRET.upper(), f"{SECRET},{NEXT_SECRET}", "sécret", "\xff"],
)
def test_a_stranger_is_refused(post, redis, secret):
    """Without one of the secrets, exactly, nothing is told and nothing is stored."""
    answer = post(webhook(), x_interactly_secret=secret)
    assert (401, {"error"}, 0) == (answer.status_code, set(answer.json), redis.dbsize())


def test_a_secret_taken_out_of_use_is_refused(redis):
    """After the rotation the old secret is a stranger's."""
    client = create_app(Settings(webhook_secrets=NEXT_SECRET), redis).test_client()
    headers = {"x-interactly-secret": SECRET}
    assert client.post("/webhooks/interactly", data=webhook(), headers=headers).status_code == 401


def test_only_the_enabled_stages_get_the_event(redis):
    """A stage that is not enabled gets no job, and the others do."""
    client = create_app(Settings(webhook_secrets=SECRET, stages="metrics,lifecycle"), redis).test_client()
    headers = {"x-interactly-secret": SECRET}
    answer = client.post("/webhooks/interactly", data=webhook(), headers=headers, content_type="application/json")
    assert {"metrics"} == queues_of(redis, answer.json["event_id"])


def test_an_event_that_no_enabled_stage_wants_is_kept(redis):
    """It waits in quarantine until somebody enables a stage and replays it."""
    client = create_app(Settings(webhook_secrets=SECRET, stages="metrics"), redis).test_client()
    headers = {"x-interactly-secret": SECRET, "content-type": "application/json"}
    answer = client.post("/webhooks/interactly", data=webhook("status-update"), headers=headers)
    assert (answer.status_code, answer.json["status"]) == (202, "quarantined")
    assert load_event(redis, answer.json["event_id"]).reason == "no_stage_enabled"


def test_an_unexpected_failure_tells_nobody_the_payload(post, monkeypatch, lines, caplog):
    """500 in JSON, and one ERROR line with the kind and the place of the failure, but not its text."""
    monkeypatch.setattr("ingest.webhook.route", raising(KeyError("+1 555 0100")))
    answer = post(webhook())
    assert (answer.status_code, answer.json) == (500, {"error": "internal error"})
    (line,) = lines()
    assert (line["name"], line["level"], line["status"]) == ("webhook.failed", "ERROR", 500)
    assert line["reason"].startswith("KeyError@")
    assert "555" not in caplog.text + str(lines())


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (webhook(), {}, ("webhook.accepted", "INFO", 202, "queued")),
        (b'{"event": 1}', {}, ("webhook.quarantined", "WARNING", 202, "quarantined")),
        (b"{", {}, ("webhook.refused", "WARNING", 400, "refused")),
        (webhook(), {"x_interactly_secret": "wrong"}, ("webhook.refused", "WARNING", 401, "refused")),
    ],
)
def test_each_request_writes_one_line(post, lines, body, headers, expected):
    """The line tells what came, what became of it and how long it took."""
    answer = post(body, **headers)
    (line,) = lines()
    assert expected == (line["name"], line["level"], line["status"], line["outcome"])
    assert answer.json.get("event_id") == line.get("event_id")
    assert line["duration_ms"] > 0
    assert line["bytes"] == (0 if answer.status_code == 401 else len(body))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (webhook("status-update", assistant={"assistantServer": {"secret": PLATFORM_SECRET}}), {}),
        (webhook("conversation-update", a=[{"assistantServer": {"headers": {"k": PLATFORM_SECRET}}}]), {}),
        (webhook("unheard-of", assistant={"assistantServer": {"secret": PLATFORM_SECRET}}), {}),
        (webhook("status-update", assistant={"assistantServer": {"secret": PLATFORM_SECRET}})[:-3], {}),
        (
            webhook("status-update", assistant={"assistantServer": {"secret": PLATFORM_SECRET}}),
            {"content_type": "text/plain"},
        ),
        (
            webhook("status-update", assistant={"assistantServer": {"secret": PLATFORM_SECRET}})
            .decode()
            .encode("utf-16"),
            {},
        ),
        (webhook("status-update", metadata={"copied": SECRET}), {}),
        (webhook("status-update", metadata={SECRET: 1}), {"x_interactly_secret": SECRET.upper()}),
    ],
)
def test_no_secret_is_stored_or_logged(post, redis, caplog, lines, body, headers):
    """Neither the platform's copy of its settings nor a secret of ours reaches Redis, the log or the answer."""
    answer = post(body, **headers)
    told = (answer.get_data(as_text=True) + caplog.text + str(lines())).encode()
    for secret in (PLATFORM_SECRET.encode(), SECRET.encode(), PLATFORM_SECRET.encode("utf-16-le")):
        assert secret not in told + everything_in(redis)


def everything_in(redis):
    """Read all that Redis holds, with the bodies decompressed."""
    held = b""
    for key in redis.scan_iter():
        held += (
            key + b"".join(part for pair in redis.hgetall(key).items() for part in pair)
            if redis.type(key) == b"hash"
            else key
        )
        if key.startswith(b"earshot:event:"):
            held += load_event(redis, key.rpartition(b":")[2].decode()).body
    return held


def raising(error):
    """Make a function that fails."""

    def fail(*_arguments, **_names):
        raise error

    return fail
