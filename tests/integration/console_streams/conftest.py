"""What the tests of live streams share: calls that are written as workers do, and streams that tell of them."""

from collections.abc import Iterator

import pytest
from redis import Redis

from console.streams import streams as streams_module
from console.streams.streams import Streams
from shared.announcements import CHANNEL, announce
from tests.calls import conversation_update, welcome
from tests.programs import wait_for
from tests.stage_runs import Stages
from tests.streaming import CALL, FOR_EVER, OTHER, Write, running


@pytest.fixture
def write(redis: Redis, database_url: str) -> Iterator[Write]:
    """Store events as workers do, and announce them unless told not to."""
    with Stages(database_url) as stages:

        def store(*events, is_announced: bool = True) -> None:
            stages.send(*events)
            if is_announced:
                announce(redis, [event.call_id for event in events])

        yield store


@pytest.fixture
def streams(servers, redis, database_url, write) -> Iterator[Streams]:
    """Streams, with two calls of one message each; Redis tells them of changes."""
    write(conversation_update([welcome()], call_id=CALL), conversation_update([welcome()], call_id=OTHER))
    with running(servers.redis_url, database_url) as running_streams:
        wait_for(lambda: redis.pubsub_numsub(CHANNEL)[0][1])
        yield running_streams


@pytest.fixture
def only_hints(monkeypatch) -> None:
    """Let nothing be looked at unless a hint says so."""
    monkeypatch.setattr(streams_module, "LOOK_SECONDS", FOR_EVER)
