"""What the tests of running workers share."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from redis import Redis

from shared.alerting.rules import Rules
from shared.database import Database
from shared.envelope import open_envelope
from shared.publisher import IncomingEvent, Publisher, event_id_of
from shared.settings import Settings
from shared.stages import QUARANTINE, stages_for
from tests.alerts import Desk
from tests.servers import EmbeddedServers
from workers.figures import FiguresKeeper

RECEIVED_AT_MS = 1_772_702_480_300

Publish = Callable[..., str]


@pytest.fixture
def settings_of_programs(servers: EmbeddedServers, database_url: str, redis: Redis) -> Mapping[str, str]:
    """The environment of a worker on this test's servers."""
    return {"REDIS_URL": servers.redis_url, "DATABASE_URL": database_url, "MAINTENANCE_SECONDS": "1"}


@pytest.fixture
def store(database_url: str) -> Iterator[Database]:
    """A connection that stages write through."""
    store = Database(database_url, 20)
    yield store
    store.close()


@pytest.fixture
def keeper(database_url: str) -> Iterator[FiguresKeeper]:
    """What keeps the figures of the test's database."""
    store = Database(database_url, 20)
    yield FiguresKeeper(store, Settings())
    store.close()


@pytest.fixture
def open_desk(database_url: str, redis: Redis) -> Iterator[Callable[..., Desk]]:
    """Make keepers of the alerts of the test's database."""
    opened: list[Desk] = []

    def open_one(rules: Rules, **more: Any) -> Desk:
        opened.append(Desk(database_url, redis, rules, **more))
        return opened[-1]

    yield open_one
    for desk in opened:
        desk.close()


@pytest.fixture
def publish(redis: Redis) -> Publish:
    """Publish bodies as the ingest does; gives the event's id."""

    def publish_body(body: bytes, **changed: int) -> str:
        envelope = open_envelope(body)
        stages = stages_for(envelope.event_type, carries_messages=envelope.carries_messages)
        return _published(redis, body, stages, Settings(**changed), envelope.event_type, envelope.call_id)

    return publish_body


@pytest.fixture
def publish_to_quarantine(redis: Redis) -> Publish:
    """Publish bodies that are no events; gives the event's id."""
    return lambda body: _published(redis, body, [QUARANTINE], Settings())


def _published(redis, body, stages, settings, event_type="", call_id="") -> str:
    event_id = event_id_of(body)
    reason = "" if event_type else "malformed_json"
    Publisher(redis, settings).publish(
        IncomingEvent(event_id, RECEIVED_AT_MS, stages, body, event_type, call_id, reason)
    )
    return event_id
