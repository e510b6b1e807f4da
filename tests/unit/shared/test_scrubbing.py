"""The platform's own secret is nowhere in what is kept."""

import json

import pytest

from shared.scrubbing import scrub
from tests.calls import SERVER_SECRET, status_update

SECRET = b"an-unlikely-secret"
SERVER = b'{"url": "u", "secret": "an-unlikely-secret", "headers": {"a": ["}", "{"]}}'


@pytest.mark.parametrize(
    "body",
    [
        b'{"message": {"assistant": {"name": "n", "assistantServer": %b}}}' % SERVER,
        b'{"assistantServer": %b, "kept": "kept"}' % SERVER,
        b'[{"a": [{"assistantServer" : %b}]}]' % SERVER,
        b'{"\\u0061ssistantServer": %b}' % SERVER,
        b'{"assistantServer": "an-unlikely-secret"}',
        b'{"assistantServer": %b, "n": NaN}' % SERVER,
        b'{"assistantServer": %b, "cut off' % SERVER,
        b'{"assistantServer": {"secret": "an-unlikely-secret"',
        b'{"assistantServer": %b, "deep": %b}' % (SERVER, b"[" * 700 + b"]" * 700),
        b'{"assistantServer": %b, "deep": %b}' % (SERVER, b"[" * 100_000 + b"]" * 100_000),
        b'{"message": 1} {"assistantServer": %b}' % SERVER,
    ],
)
def test_platforms_secret_is_removed(body: bytes):
    """Wherever `assistantServer` stands, in whatever kind of body, it goes with all that is in it."""
    assert SECRET not in scrub(body)


def test_rest_of_a_broken_body_is_kept():
    """Of a body that is no JSON, only what belongs to the key is cut."""
    assert scrub(b'{"assistantServer": %b, "kept": tru' % SERVER) == b'{"assistantServer": "[removed]", "kept": tru'


def test_our_own_secrets_are_removed():
    """A secret of ours is replaced wherever it stands; one too short to be told from a word is not."""
    body = b'{"header": "an-unlikely-secret", "text": "short"}'
    assert scrub(body, ["an-unlikely-secret", "short"]) == b'{"header": "[removed]", "text": "short"}'


def test_body_without_secrets_stays_byte_for_byte():
    """What holds no secret is not rewritten, whatever its spacing; nor is a text that only mentions the key."""
    for body in (b'{ "a" : 1.0 }', b'{"text":"my assistantServer is down"}', b"\xff\x00 no json"):
        assert scrub(body) is body


def test_status_update_keeps_the_rest_of_the_assistant():
    """A status-update loses the server's settings and nothing else."""
    assistant = json.loads(status_update("queued").body)["message"]["assistant"]
    assert assistant["name"] == "Reception - main"
    assert SERVER_SECRET.encode() not in status_update("queued").body
