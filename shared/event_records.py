"""The event record in Redis: the body, once, and the stages still to do. RQ dispatches; this is what counts."""

import threading
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, cast

import zstandard
from redis import Redis

from shared.errors import BadEvent

PREFIX = "earshot:event:"
# Larger than any body the ingest can be told to take; a frame that claims more is not ours.
LARGEST_BODY = 512 * 1024 * 1024

_FINISH = files("shared").joinpath("lua/finish.lua").read_text()


class _Codecs(threading.local):
    """One of each for every thread: they may not be shared, and making one costs more than its work on a body."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=1)
        self.decompressor = zstandard.ZstdDecompressor()


_codecs = _Codecs()


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it waits for its stages; `call_id` and `event_type` are empty for one that could not be read."""

    event_id: str
    event_type: str
    call_id: str
    received_at_ms: int
    body: bytes
    reason: str = ""


def record_key(event_id: str) -> str:
    """Name the Redis key of an event's record."""
    return PREFIX + event_id


def compress(body: bytes) -> bytes:
    """Compress a body for the record; level 1 costs 12 us for 14 kB and leaves a tenth."""
    return _codecs.compressor.compress(body)


def decompress(compressed: bytes) -> bytes:
    """Undo `compress`. Raises BadEvent."""
    try:
        return _codecs.decompressor.decompress(compressed, max_output_size=LARGEST_BODY)
    except zstandard.ZstdError as error:
        raise BadEvent("the stored body cannot be decompressed") from error


def load_event(redis: Redis, event_id: str) -> StoredEvent | None:
    """Read an event; None if all its stages are done. Raises BadEvent if its record is no record of ours."""
    names = ("event_type", "call_id", "received_at", "body", "reason")
    fields = cast("list[bytes | None]", redis.hmget(record_key(event_id), names))
    if all(field is None for field in fields):
        return None
    event_type, call_id, received_at, body, reason = (field or b"" for field in fields)
    return StoredEvent(
        event_id, event_type.decode(), call_id.decode(), int(received_at or 0), decompress(body), reason.decode()
    )


def finish_stage(redis: Any, event_id: str, stage: str) -> None:
    """Take a stage off an event, and the event away with its last; `redis` may be a pipeline."""
    redis.eval(_FINISH, 1, record_key(event_id), stage)
