"""Notices: what is to be sent about an alert, by which channel. In Redis each is an event whose body names ids alone.

A notice is made in the transaction of its alert and published afterwards. What is published twice is one event while it
is pending, and afterwards the row tells that it was delivered.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from shared.database import Connection, Database
from shared.errors import BadEvent, QueueUnavailable
from shared.event_records import StoredEvent, record_key
from shared.publisher import IncomingEvent, Publisher, event_id_of
from shared.queries import queries
from shared.stages import CHANNELS

EVENT_TYPE = "alert"
PUBLISHED_AT_ONCE = 100
# Whoever publishes puts down that it is done after the job is there; and no notice is looked for all the time.
LOST_AFTER = timedelta(minutes=1)

What = Literal["raised", "resolved"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One word about one alert to one channel; `notice_id` is its place in the order of delivery."""

    notice_id: int
    call_id: str
    alert_id: str
    channel: str
    what: What


_decoder = msgspec.json.Decoder(Notice)


def make_notices(connection: Connection, alert: tuple[str, str], what: What, channels: Iterable[str]) -> None:
    """Make a notice of an alert, named by call_id and alert_id, for each channel; once, however often it is called."""
    call_id, alert_id = alert
    values = {"call_id": call_id, "alert_id": alert_id, "what": what, "channels": list(channels)}
    connection.execute(queries("notices")["make"], values)


def make_resolved_notices(connection: Connection, alert: tuple[str, str], channels: Iterable[str]) -> None:
    """Make a notice that an alert is over for those of the channels that were told of it."""
    call_id, alert_id = alert
    values = {"call_id": call_id, "alert_id": alert_id, "channels": list(channels)}
    connection.execute(queries("notices")["make_resolved"], values)


def publish_notices(database: Database, publisher: Publisher) -> int:
    """Put the next notices into the queues of their channels, in order; returns how many.

    Raises QueueUnavailable and DatabaseUnavailable; what was not put down as published is published again.
    """
    with database.transaction() as connection:
        rows = connection.execute(queries("notices")["read_unpublished"], {"most": PUBLISHED_AT_ONCE}).fetchall()
    notices = [Notice(**row) for row in rows]
    for notice in notices:
        publisher.publish(notice_event(notice))
    if notices:
        with database.transaction() as connection:
            published = {"notice_ids": [notice.notice_id for notice in notices]}
            connection.execute(queries("notices")["mark_published"], published)
    return len(notices)


def publish_lost(database: Database, redis: Redis, now: datetime) -> int:
    """Have the next notice of each channel published again if Redis has lost its job; returns how many.

    Whoever delivers it goes on with those behind it. Raises QueueUnavailable and DatabaseUnavailable.
    """
    with database.transaction() as connection:
        lost = [notice for notice in _next_notices(connection, now - LOST_AFTER) if _is_known_lost(redis, notice)]
        for notice in lost:
            connection.execute(queries("deliveries")["publish_again"], {"notice_id": notice.notice_id})
    return len(lost)


def is_lost(redis: Redis, notice: Notice) -> bool:
    """Tell whether no job waits to deliver a notice that was published. Raises RedisError."""
    return not redis.hexists(record_key(notice_event(notice).event_id), f"stage:{notice.channel}")


def _next_notices(connection: Connection, published_before: datetime) -> Iterator[Notice]:
    for channel in CHANNELS:
        row = connection.execute(queries("deliveries")["read_oldest"], {"channel": channel}).fetchone()
        if row and row["published_at"] and row["published_at"] < published_before:
            yield Notice(**{name: row[name] for name in Notice.__slots__})


def _is_known_lost(redis: Redis, notice: Notice) -> bool:
    try:
        return is_lost(redis, notice)
    except RedisError as error:
        raise QueueUnavailable(type(error).__name__) from error


def notice_event(notice: Notice) -> IncomingEvent:
    """Make the event by which a notice travels; the same notice always makes the same one."""
    body = msgspec.json.encode(asdict(notice))
    received_at_ms = int(time.time() * 1000)
    return IncomingEvent(event_id_of(body), received_at_ms, (notice.channel,), body, EVENT_TYPE, notice.call_id)


def read_notice(stored: StoredEvent) -> Notice:
    """Read a notice from the event by which it travelled. Raises BadEvent."""
    try:
        return _decoder.decode(stored.body)
    except msgspec.DecodeError as error:
        raise BadEvent("the stored body is no notice") from error
