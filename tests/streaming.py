"""Streams inside a test's process, and readers of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from console.services import make_services
from console.streams.stream import Stream
from console.streams.streams import Streams
from tests.calls import assistant, user, welcome
from tests.consoles import console_settings
from tests.event_streams import EventReader

CALL, OTHER = "WC-1", "WC-2"
HISTORY = [welcome(), user(1), assistant(1), user(2)]
FOR_EVER = 1000.0

Write = Callable[..., None]


@contextmanager
def running(redis_url: str, database_url: str, **settings: object) -> Iterator[Streams]:
    """Run streams inside this process, with heartbeats that come quickly."""
    services = make_services(console_settings(redis_url, database_url, **settings))
    services.store.open()
    streams = Streams(services, heartbeat_seconds=0.05)
    streams.start()
    try:
        yield streams
    finally:
        streams.stop()
        services.store.close()
        services.redis.close()


def reading(stream: Stream) -> EventReader:
    """Read a stream of this process in the background."""
    return EventReader(iter(stream), stream.close)


def follow(streams: Streams, call_id: str = CALL, after: int | None = None) -> EventReader:
    """Open a stream of a call and read it."""
    return reading(streams.follow_call(call_id, after))


def add_messages(database: psycopg.Connection, newest: int) -> None:
    """Have the user say messages up to a number in one transaction, those apart that are there."""
    database.execute(
        "insert into messages (call_id, message_id, role, version, fingerprint)"
        " select %s, 'm' || number, 'user', '{0,0,0,0}', 0 from generate_series(1, %s) as number"
        " on conflict do nothing",
        (CALL, newest),
    )
