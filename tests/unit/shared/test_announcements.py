"""What workers announce, and what a listener makes of it."""

from typing import Any

import pytest
from fakeredis import FakeRedis
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import NoPermissionError

from shared.announcements import (
    CHANNEL,
    LONGEST_BYTES,
    Announcement,
    announce,
    read_announcement,
    write_announcement,
)


@pytest.fixture
def heard() -> Any:
    """A Redis inside this process, and a function that tells what was announced on it."""
    redis = FakeRedis()
    subscription = redis.pubsub(ignore_subscribe_messages=True)
    subscription.subscribe(CHANNEL)
    subscription.get_message(timeout=1)

    def listen() -> list[Announcement]:
        messages = iter(subscription.get_message, None)
        return [read_announcement(message["data"]) for message in messages]

    yield redis, listen
    subscription.close()


def test_an_announcement_names_each_call_once(heard):
    """A batch with two events of a call makes one message, and the call is in it once."""
    redis, listen = heard
    announce(redis, ["WC-2", "WC-1", "WC-2"])
    assert listen() == [Announcement(frozenset({"WC-1", "WC-2"}))]


@pytest.mark.parametrize("call_ids", [[], [""]])
def test_without_a_call_nothing_is_announced(heard, call_ids):
    """A batch that changed nothing, or only deliveries that belong to no call, makes no message."""
    redis, listen = heard
    announce(redis, call_ids)
    assert listen() == []


@pytest.mark.parametrize("error", [RedisGone("gone"), NoPermissionError("no")])
def test_no_fault_of_redis_reaches_the_worker(error, monkeypatch):
    """Whether Redis is away or forbids it, a hint that cannot be given is let go."""
    redis = FakeRedis()

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(redis, "publish", fail)
    announce(redis, ["WC-1"])


@pytest.mark.parametrize(
    "call_ids",
    [[f"WC-{number}" for number in range(LONGEST_BYTES)], ["x" * LONGEST_BYTES], ['"' * (LONGEST_BYTES // 2)]],
)
def test_too_many_or_too_long_ids_are_not_named(call_ids):
    """A message stays small: then any call may have changed."""
    assert write_announcement(call_ids) == b"null"
    assert read_announcement(b"null") == Announcement(None)


def test_the_largest_message_names_its_calls():
    """One byte more, and it would name none."""
    call_ids = frozenset({"x" * (LONGEST_BYTES - len('["","y"]')), "y"})
    assert read_announcement(write_announcement(call_ids)) == Announcement(call_ids)


@pytest.mark.parametrize("message", [b"", b"\xff", b'{"calls": []}', b"[1]"])
def test_what_cannot_be_read_may_mean_any_call(message):
    """A message of another version of the program is no reason to miss a change."""
    assert read_announcement(message) == Announcement(None)
