"""Redis or Valkey: reached, new enough, writable, and set to lose nothing."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

from redis import Redis
from redis.exceptions import RedisError

from earshot.checks.clock import clock_findings
from earshot.checks.findings import Finding, ok, problem, size, warning
from ingest.readiness import PROBE_KEY

OLDEST_VERSION = (6, 2)
CONFIGURED = ("appendfsync",)
MEMORY_WARNING = 0.75
MEMORY_PROBLEM = 0.9

Facts = Mapping[str, Any]


def check_redis(redis: Redis) -> Iterator[Finding]:
    """Look at the server. Raises RedisError when it cannot be reached."""
    asked = time.time()
    facts = _facts_of(redis)
    answered = time.time()
    yield from _version(facts)
    yield from _writes(redis, facts)
    yield from _eviction(facts)
    yield from _persistence(facts)
    yield from _memory(facts)
    if "server_time_usec" in facts:
        yield from clock_findings("redis.clock", "Redis", facts["server_time_usec"] / 1e6 - (asked + answered) / 2)


def _facts_of(redis: Redis) -> dict[str, Any]:
    redis.ping()
    facts: dict[str, Any] = {}
    for ask in (redis.info, lambda: redis.config_get(*CONFIGURED)):
        # A managed server may keep it to itself; what is missing is told of.
        with suppress(RedisError):
            facts |= cast("dict[str, Any]", ask())
    return facts


def _version(facts: Facts) -> Iterator[Finding]:
    name, told = "Valkey" if "valkey_version" in facts else "Redis", str(facts.get("redis_version", ""))
    text = f"{name} {facts.get('valkey_version', told)} answers"
    version = tuple(int(part) for part in told.split(".")[:2] if part.isdigit())
    if not version:
        yield warning("redis.version", "Redis answers, but does not tell its version", "Permit the command INFO.")
    elif version < OLDEST_VERSION:
        yield problem("redis.version", text, "Earshot needs Redis 6.2 or newer, or Valkey: upgrade it.")
    else:
        yield ok("redis.version", text)


def _writes(redis: Redis, facts: Facts) -> Iterator[Finding]:
    if facts.get("role", "master") != "master":
        remedy = "Point REDIS_URL at the primary; see docs/how-to/use-your-own-servers.md."
        yield problem("redis.writes", "REDIS_URL leads to a replica", remedy)
        return
    try:
        redis.setrange(PROBE_KEY, 0, "")
    except RedisError as error:
        text = f"Redis refuses writes: {str(error)[:100]}"
        yield problem("redis.writes", text, "Mend what it complains of; events are not taken meanwhile.")
    else:
        yield ok("redis.writes", "It is a primary and takes writes")


def _eviction(facts: Facts) -> Iterator[Finding]:
    policy = facts.get("maxmemory_policy")
    remedy = "redis-cli CONFIG SET maxmemory-policy noeviction, and the same in its configuration file"
    if policy is None:
        yield warning("redis.eviction", "Redis does not tell its maxmemory-policy", "See that it is noeviction.")
    elif policy == "noeviction":
        yield ok("redis.eviction", "maxmemory-policy is noeviction")
    elif facts.get("maxmemory"):
        yield problem("redis.eviction", f"maxmemory-policy is {policy}: events vanish when memory is full", remedy)
    else:
        text = f"maxmemory-policy is {policy}: events vanish as soon as somebody sets maxmemory"
        yield warning("redis.eviction", text, remedy)


def _persistence(facts: Facts) -> Iterator[Finding]:
    if "aof_enabled" not in facts:
        yield warning("redis.persistence", "Redis does not tell whether it keeps its data", "See appendonly is yes.")
    elif not facts["aof_enabled"]:
        text = "appendonly is off: all that waits is lost when Redis ends"
        remedy = "redis-cli CONFIG SET appendonly yes, and the same in its configuration file"
        yield problem("redis.persistence", text, remedy)
    elif facts.get("aof_last_write_status", "ok") != "ok":
        text = "Redis could not write its append-only file the last time"
        yield problem("redis.persistence", text, "Look at its disk (df -h) and at its log.")
    elif facts.get("aof_last_bgrewrite_status", "ok") != "ok":
        text = "Redis could not rewrite its append-only file the last time: the file grows on"
        yield warning(
            "redis.persistence", text, "Look at its disk, its memory and its log; then: redis-cli BGREWRITEAOF"
        )
    elif facts.get("appendfsync") != "always":
        told = facts.get("appendfsync", "not told")
        text = f"appendfsync is {told}: the last second or two can be lost when the machine fails"
        yield warning("redis.persistence", text, "redis-cli CONFIG SET appendfsync always, if that is too much to lose")
    else:
        yield ok("redis.persistence", "Each write is on disk before it is acknowledged")


def _memory(facts: Facts) -> Iterator[Finding]:
    used, limit = facts.get("used_memory"), facts.get("maxmemory") or facts.get("total_system_memory")
    if not used or not limit:
        yield warning("redis.memory", "Redis does not tell how much memory it uses", "Permit the command INFO.")
        return
    of = "its limit of" if facts.get("maxmemory") else "the machine's"
    text = f"It uses {size(used)} of {of} {size(limit)}"
    remedy = "Start more workers of the stages that lag, replay or discard dead letters, or give it more memory."
    share = used / limit
    if share < MEMORY_WARNING:
        yield ok("redis.memory", text)
    else:
        yield (problem if share >= MEMORY_PROBLEM else warning)("redis.memory", text, remedy)
