"""The hint that a worker gives once its rows are committed: which calls to look at. Rows tell what has changed.

A hint is a Redis message that nobody needs to receive. Who misses one finds the change when it next looks by itself.
"""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from shared.logs import log

CHANNEL = "earshot:changes"
# Some 350 usual ids. What waits for a listener that hangs is bounded by Redis (client-output-buffer-limit, 32 MB), but
# Valkey 9 does not count messages of 16 kB and more.
LONGEST_BYTES = 15 * 1024


@dataclass(frozen=True, slots=True)
class Announcement:
    """The calls that had rows written; without `call_ids` there were too many to name, so any call may be one."""

    call_ids: frozenset[str] | None


_decoder = msgspec.json.Decoder(list[str] | None)


def announce(redis: Redis, call_ids: Iterable[str]) -> None:
    """Tell whoever listens which calls had rows written; call it after the commit. Never raises for want of Redis."""
    named = {call_id for call_id in call_ids if call_id}
    if not named:
        return
    try:
        redis.publish(CHANNEL, write_announcement(named))
    except RedisError as error:
        log(logging.DEBUG, "stage.unannounced", calls=len(named), reason=type(error).__name__)


def write_announcement(call_ids: Collection[str]) -> bytes:
    """Write a message: a JSON list of ids, or null where that would be too long."""
    written = msgspec.json.encode(sorted(call_ids))
    return written if len(written) <= LONGEST_BYTES else b"null"


def read_announcement(message: bytes) -> Announcement:
    """Read a message. One that cannot be read is some other version's: any call may have changed."""
    try:
        call_ids = _decoder.decode(message)
    except msgspec.DecodeError:
        call_ids = None
    return Announcement(None if call_ids is None else frozenset(call_ids))
