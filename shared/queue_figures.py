"""How a stage's queue stands: how much waits and since when, who works on it, and how much of it lies dead.

What RQ itself writes down is read, key by key, and nothing is written.
"""

import time
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis
from rq.utils import utcparse

from shared.jobs import OUT_OF_REACH_SECONDS
from shared.settings import Settings

# A lease that ran out as long ago has been abandoned: whoever held it is dead.
ABANDONED_SECONDS = 60
# RQ lists a worker for a minute longer than it may be silent.
RQ_GRACE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """The figures of one stage.

    `depth` jobs wait, the one in front for `oldest_seconds` (0.0 without any). `workers` give signs of life,
    `silent_workers` are listed and do not. Of the jobs `at_work`, `abandoned` are long past their lease. The newest
    dead letter is `newest_dead_letter_seconds` old; None where there is none, or nobody wrote down when it failed.
    """

    stage: str
    depth: int
    oldest_seconds: float
    workers: int
    silent_workers: int
    at_work: int
    abandoned: int
    dead_letters: int
    newest_dead_letter_seconds: float | None


def read_queue(redis: Redis, stage: str, settings: Settings) -> QueueFigures:
    """Read the figures of a stage. Raises RedisError."""
    workers, silent_workers = _count_workers(redis, stage, settings)
    started = f"rq:wip:{stage}"
    return QueueFigures(
        stage=stage,
        depth=redis.llen(f"rq:queue:{stage}"),
        oldest_seconds=_oldest_age(redis, stage),
        workers=workers,
        silent_workers=silent_workers,
        at_work=redis.zcard(started),
        abandoned=redis.zcount(started, "-inf", int(time.time()) - ABANDONED_SECONDS),
        dead_letters=redis.zcard(f"rq:failed:{stage}"),
        newest_dead_letter_seconds=_newest_dead_letter(redis, stage),
    )


def _count_workers(redis: Redis, stage: str, settings: Settings) -> tuple[int, int]:
    """Count the workers that give signs of life, and those that are listed and do not."""
    heartbeats = [
        cast("bytes | None", redis.hget(key.decode(errors="replace"), "last_heartbeat"))
        for key in cast("set[bytes]", redis.smembers(f"rq:workers:{stage}"))
    ]
    # A worker at work tells nothing until the batch is done; then its lease says how long that may take.
    longest = max(
        settings.worker_ttl_seconds + RQ_GRACE_SECONDS,
        settings.job_timeout_seconds + settings.lease_margin_seconds,
    )
    living = sum(told is not None and _age(told) <= longest for told in heartbeats)
    return living, len(heartbeats) - living


def _oldest_age(redis: Redis, stage: str) -> float:
    """Say for how many seconds the job at the front of the queue has waited."""
    for job_id in cast("list[bytes]", redis.lrange(f"rq:queue:{stage}", 0, 0)):
        return _age(cast("bytes | None", redis.hget(f"rq:job:{job_id.decode(errors='replace')}", "enqueued_at")))
    return 0.0


def _newest_dead_letter(redis: Redis, stage: str) -> float | None:
    newest = cast("list[tuple[bytes, float]]", redis.zrange(f"rq:failed:{stage}", 0, 0, desc=True, withscores=True))
    if not newest or newest[0][1] <= OUT_OF_REACH_SECONDS:
        return None
    return max(time.time() - (newest[0][1] - OUT_OF_REACH_SECONDS), 0.0)


def _age(written: Any) -> float:
    """Say how long ago a time was, written by RQ; 0 where it cannot be read."""
    try:
        return max(time.time() - utcparse(written.decode(errors="replace")).timestamp(), 0.0)
    except (AttributeError, ValueError):
        return 0.0
