"""Whether an event could be accepted durably at this moment, and how durably.

What makes Redis lose or refuse events is a reason not to be ready; a setting weaker than advised is a
warning. Managed services may keep their settings to themselves: what they do not tell is a warning too.
Nothing here names an address, a version or an error's text, because the answer is public.
"""

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
    """Why events cannot be accepted durably now, and what is weaker than it should be."""

    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether nothing stands against accepting events."""
        return not self.reasons


def check_readiness(redis: Redis) -> Readiness:
    """Ask Redis; never raises on account of its answers or its silence."""
    try:
        redis.setrange(PROBE_KEY, 0, "")
    except RedisError as error:
        return Readiness((_refusal_told_by(error),))
    facts = _facts_of(redis)
    return Readiness(tuple(_reasons_in(facts)), tuple(_warnings_in(facts)))


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
