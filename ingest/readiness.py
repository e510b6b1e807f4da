"""Whether an event could be accepted durably at this moment, and how durably.

What makes Redis lose events is a reason not to be ready. That it refuses them is one only when the spool cannot take
them either. A setting weaker than advised is a warning, and so is what waits in the spool. Managed services may keep
their settings to themselves: what they do not tell is a warning too. Nothing here names an address, a version or an
error's text, because the answer is public.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from ingest.punctuality import until
from ingest.spool import Depth, Spool
from ingest.spool_file import SpoolUnavailable

# A balancer asks every few seconds, and waits no longer for the answer.
ASK_SECONDS = 2.0
# With less room than this the spool refuses events.
ROOM_BYTES = 64 * 1024
# Writing nothing at the end of a key that does not exist leaves no key, but is refused wherever a write is.
PROBE_KEY = "earshot:readiness"

REFUSALS: tuple[tuple[type[RedisError], str], ...] = (
    (BusyLoadingError, "Redis is still loading its data"),
    (ReadOnlyError, "Redis is a read-only replica"),
    (OutOfMemoryError, "Redis is out of memory"),
    (AuthenticationError, "Redis does not accept our credentials"),
    (NoPermissionError, "Redis does not permit us to write"),
    (ResponseError, "Redis refuses to write"),
    (RedisError, "Redis cannot be reached"),
)

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Readiness:
    """Why events cannot be accepted durably now, what is weaker than it should be, and what waits in the spool."""

    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    depth: Depth | None = None

    @property
    def is_ready(self) -> bool:
        """Whether nothing stands against accepting events."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class _Finding:
    """What one place for events tells; `refusal` says why it takes none now, empty when it does."""

    refusal: str = ""
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    depth: Depth | None = None


def check_readiness(redis: Redis, spool: Spool) -> Readiness:
    """Ask Redis and the spool; never raises on account of their answers or their silence."""
    with until(time.monotonic() + ASK_SECONDS):
        queue = _ask_redis(redis)
    disk = _ask_spool(spool)
    refusals = tuple(filter(None, (queue.refusal, disk.refusal)))
    takes_events = len(refusals) < len((queue, disk))
    reasons = queue.reasons if takes_events else refusals
    warnings = refusals if takes_events else ()
    return Readiness(reasons, (*warnings, *queue.warnings, *disk.warnings), disk.depth)


def probe(redis: Redis) -> None:
    """Have Redis accept a write. Raises RedisError when it does not, or not in time."""
    with until(time.monotonic() + ASK_SECONDS):
        redis.setrange(PROBE_KEY, 0, "")


def _ask_redis(redis: Redis) -> _Finding:
    try:
        probe(redis)
    except RedisError as error:
        return _Finding(_refusal_told_by(error))
    facts = _facts_of(redis)
    return _Finding(reasons=tuple(_reasons_in(facts)), warnings=tuple(_warnings_in(facts)))


def _ask_spool(spool: Spool) -> _Finding:
    try:
        depth = spool.depth()
    except SpoolUnavailable:
        return _Finding("the spool cannot be written")
    is_full = spool.max_bytes - depth.bytes < ROOM_BYTES
    return _Finding("the spool is full" if is_full else "", warnings=tuple(_doubts_about(depth)), depth=depth)


def _doubts_about(depth: Depth) -> list[str]:
    found = {
        "events wait in the spool": depth.events > 0,
        "events in the spool cannot be read": depth.unreadable > 0,
    }
    return [warning for warning, holds in found.items() if holds]


def _refusal_told_by(error: RedisError) -> str:
    return next(text for kind, text in REFUSALS if isinstance(error, kind))


def _facts_of(redis: Redis) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for ask in (redis.info, lambda: redis.config_get("appendfsync")):
        try:
            facts |= cast("dict[str, Any]", ask())
        except RedisError:
            continue  # What is not told is warned of below.
    return facts


def _reasons_in(facts: Facts) -> list[str]:
    found = {
        "Redis is a replica": facts.get("role", "master") != "master",
        "Redis evicts events when its memory is full; set maxmemory-policy to noeviction": _can_evict(facts),
        "Redis cannot write its append-only file": facts.get("aof_last_write_status", "ok") != "ok",
    }
    return [reason for reason, holds in found.items() if holds]


def _can_evict(facts: Facts) -> bool:
    return bool(facts.get("maxmemory")) and facts.get("maxmemory_policy", "noeviction") != "noeviction"


def _warnings_in(facts: Facts) -> list[str]:
    warnings = [f"Redis does not tell its {name}" for name in ("role", "maxmemory_policy") if name not in facts]
    return warnings + _doubts_about_persistence(facts)


def _doubts_about_persistence(facts: Facts) -> list[str]:
    if "aof_enabled" not in facts:
        return ["Redis does not tell whether appendonly is on"]
    if not facts["aof_enabled"]:
        return ["appendonly is off: what was accepted is lost when Redis stops unexpectedly"]
    if "appendfsync" not in facts:
        return ["Redis does not tell its appendfsync"]
    if facts["appendfsync"] != "always":
        return ["appendfsync is not always: the last seconds can be lost when the machine fails"]
    return []
