"""How a stage's queue stands: how much waits and since when, who works on it, and how much of it failed.

What RQ itself writes down is read, key by key, and nothing is written.
"""

import time
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis
from rq.utils import utcparse
from rq.worker import WorkerStatus

from shared.failures import UNKNOWN
from shared.jobs import OUT_OF_REACH_SECONDS
from shared.rq_names import (
    event_id_of_job,
    failed_key,
    job_key,
    queue_key,
    scheduled_key,
    started_key,
    workers_key,
)
from shared.settings import Settings

# A lease that ran out as long ago has been abandoned: whoever held it is dead.
ABANDONED_SECONDS = 60
# RQ lists a worker for a minute longer than it may be silent.
RQ_GRACE_SECONDS = 60
# One that is idle tells that it lives every three seconds at the latest; Redis may write slowly, and clocks differ.
IDLE_SILENCE_SECONDS = 15


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """The figures of one stage.

    `depth` jobs wait, the one in front for `oldest_seconds` (0.0 without any). `workers` give signs of life,
    `silent_workers` are listed and do not. Of the jobs `at_work`, `abandoned` are long past their lease. Jobs that are
    `retrying` have failed and pause for another attempt; of the one that pauses longest `retry_error` is the class of
    the error, and `retry_event_id` names its event. The newest dead letter is `newest_dead_letter_seconds` old; None
    where there is none, or nobody wrote down when it failed.
    """

    stage: str
    depth: int
    oldest_seconds: float
    workers: int
    silent_workers: int
    at_work: int
    abandoned: int
    retrying: int
    retry_error: str | None
    retry_event_id: str | None
    dead_letters: int
    newest_dead_letter_seconds: float | None


def read_queue(redis: Redis, stage: str, settings: Settings) -> QueueFigures:
    """Read the figures of a stage. Raises RedisError."""
    workers, silent_workers = _count_workers(redis, stage, settings)
    retry_error, retry_event_id = _last_retry(redis, stage)
    started = started_key(stage)
    return QueueFigures(
        stage=stage,
        depth=redis.llen(queue_key(stage)),
        oldest_seconds=_oldest_age(redis, stage),
        workers=workers,
        silent_workers=silent_workers,
        at_work=redis.zcard(started),
        abandoned=redis.zcount(started, "-inf", int(time.time()) - ABANDONED_SECONDS),
        retrying=redis.zcard(scheduled_key(stage)),
        retry_error=retry_error,
        retry_event_id=retry_event_id,
        dead_letters=redis.zcard(failed_key(stage)),
        newest_dead_letter_seconds=_newest_dead_letter(redis, stage),
    )


def read_delay(redis: Redis, stage: str) -> float:
    """Read for how many seconds the oldest job of a stage waits or is at work, 0.0 without any. Raises RedisError.

    What was published before that time has been stored by the stage, but for what has failed.
    """
    # Of the jobs at work the one whose lease ends first was taken first.
    first = [*redis.lrange(queue_key(stage), 0, 0), *redis.zrange(started_key(stage), 0, 0)]
    return max((_waiting_seconds(redis, job_id) for job_id in cast("list[bytes]", first)), default=0.0)


def _count_workers(redis: Redis, stage: str, settings: Settings) -> tuple[int, int]:
    """Count the workers that give signs of life, and those that are listed and do not."""
    told = [
        cast("list[bytes | None]", redis.hmget(key.decode(errors="replace"), "last_heartbeat", "state"))
        for key in cast("set[bytes]", redis.smembers(workers_key(stage)))
    ]
    living = sum(_is_living(heartbeat, state, settings) for heartbeat, state in told)
    return living, len(told) - living


def _is_living(heartbeat: bytes | None, state: bytes | None, settings: Settings) -> bool:
    if heartbeat is None:
        return False
    if state == WorkerStatus.IDLE.encode():
        return _age(heartbeat) <= IDLE_SILENCE_SECONDS
    # A worker at work tells nothing until the batch is done; then its lease says how long that may take.
    listed_seconds = settings.worker_ttl_seconds + RQ_GRACE_SECONDS
    lease_seconds = settings.job_timeout_seconds + settings.lease_margin_seconds
    return _age(heartbeat) <= max(listed_seconds, lease_seconds)


def _oldest_age(redis: Redis, stage: str) -> float:
    """Say for how many seconds the job at the front of the queue has waited."""
    for job_id in cast("list[bytes]", redis.lrange(queue_key(stage), 0, 0)):
        return _waiting_seconds(redis, job_id)
    return 0.0


def _waiting_seconds(redis: Redis, job_id: bytes) -> float:
    return _age(cast("bytes | None", redis.hget(job_key(job_id.decode(errors="replace")), "enqueued_at")))


def _last_retry(redis: Redis, stage: str) -> tuple[str | None, str | None]:
    """Say of the job that pauses longest how it failed, and which event it belongs to."""
    for job_id in cast("list[bytes]", redis.zrange(scheduled_key(stage), 0, 0, desc=True)):
        name = job_id.decode(errors="replace")
        error = cast("bytes | None", redis.hget(job_key(name), "error"))
        return (error.decode(errors="replace") if error else UNKNOWN), event_id_of_job(name, stage)
    return None, None


def _newest_dead_letter(redis: Redis, stage: str) -> float | None:
    newest = cast("list[tuple[bytes, float]]", redis.zrange(failed_key(stage), 0, 0, desc=True, withscores=True))
    if not newest or newest[0][1] <= OUT_OF_REACH_SECONDS:
        return None
    return max(time.time() - (newest[0][1] - OUT_OF_REACH_SECONDS), 0.0)


def _age(written: Any) -> float:
    """Say how long ago a time was, written by RQ; 0 where it cannot be read."""
    try:
        return max(time.time() - utcparse(written.decode(errors="replace")).timestamp(), 0.0)
    except (AttributeError, ValueError):
        return 0.0
