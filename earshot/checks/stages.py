"""The queues: how much waits and since when, who works on it, what is stuck, and whether a janitor looks after it."""

import time
from collections.abc import Iterator
from typing import Any, cast

from redis import Redis
from rq.utils import utcparse

from earshot.checks.findings import Finding, duration, ok, problem, warning
from shared.jobs import OUT_OF_REACH_SECONDS
from shared.settings import Settings
from shared.stages import QUARANTINE, QUEUES
from workers.turns import KEY

OLD_SECONDS = 60
TOO_OLD_SECONDS = 600
# RQ lists a worker for a minute longer than it may be silent.
RQ_GRACE_SECONDS = 60


def check_stages(redis: Redis, settings: Settings) -> Iterator[Finding]:
    """Look at each queue, then at what concerns them all. Raises RedisError."""
    for stage in QUEUES:
        if stage in (*settings.stages, QUARANTINE) or redis.llen(f"rq:queue:{stage}"):
            yield from _queue(redis, stage, settings)
            yield from _leases(redis, stage)
        yield from _dead_letters(redis, stage)
    yield from _suspension(redis)
    yield from _janitor(redis)


def _queue(redis: Redis, stage: str, settings: Settings) -> Iterator[Finding]:
    waiting = redis.llen(f"rq:queue:{stage}")
    age = _oldest_age(redis, stage)
    listening, silent = _count_workers(redis, stage, settings)
    check = f"{stage}.queue"
    text = f"{_jobs(waiting)} waiting" + (f", the oldest for {duration(age)}" if waiting else "")
    if not listening:
        since = f"; {silent} have given no sign of life" if silent else ""
        remedy = f"Start one: earshot worker {stage} (or earshot up, which starts all)"
        found = problem if waiting else warning
        yield found(check, f"{text}, and no worker listens{since}", remedy)
        return
    text += f", {listening} {'worker listens' if listening == 1 else 'workers listen'}"
    remedy = f"Start more workers: earshot worker {stage}. If it never moves, see their log for stage.waiting."
    if waiting and age >= OLD_SECONDS:
        yield (problem if age >= TOO_OLD_SECONDS else warning)(check, text, remedy)
    else:
        yield ok(check, text)


def _oldest_age(redis: Redis, stage: str) -> float:
    """Say for how many seconds the job at the front of the queue has waited."""
    for job_id in cast("list[bytes]", redis.lrange(f"rq:queue:{stage}", 0, 0)):
        return _age(cast("bytes | None", redis.hget(f"rq:job:{job_id.decode(errors='replace')}", "enqueued_at")))
    return 0.0


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
    listening = sum(told is not None and _age(told) <= longest for told in heartbeats)
    return listening, len(heartbeats) - listening


def _leases(redis: Redis, stage: str) -> Iterator[Finding]:
    started = f"rq:wip:{stage}"
    at_work = redis.zcard(started)
    over = redis.zcount(started, "-inf", int(time.time()) - OLD_SECONDS)
    if over:
        text = f"{_jobs(over)} at work for more than {duration(OLD_SECONDS)} beyond the lease: the worker has died"
        remedy = f"Start a janitor or a worker, which takes them back: earshot janitor, earshot worker {stage}"
        yield problem(f"{stage}.leases", text, remedy)
    elif at_work:
        yield ok(f"{stage}.leases", f"{_jobs(at_work)} at work")


def _dead_letters(redis: Redis, stage: str) -> Iterator[Finding]:
    newest = cast("list[tuple[bytes, float]]", redis.zrange(f"rq:failed:{stage}", 0, 0, desc=True, withscores=True))
    if not newest:
        return
    number = redis.zcard(f"rq:failed:{stage}")
    since = time.time() - (newest[0][1] - OUT_OF_REACH_SECONDS)
    told = f", the newest {duration(max(since, 0))} old" if newest[0][1] > OUT_OF_REACH_SECONDS else ""
    text = f"{number} dead {'letter' if number == 1 else 'letters'}{told}"
    remedy = f"See why: earshot failed --stage {stage}. Once that is mended: earshot replay --stage {stage}"
    yield warning(f"{stage}.dead_letters", text, remedy)


def _suspension(redis: Redis) -> Iterator[Finding]:
    if redis.exists("rq:suspended"):
        text = "All workers are told to take no jobs (rq suspend)"
        yield problem("workers.suspended", text, 'Let them go on: rq resume --url "$REDIS_URL"')


def _janitor(redis: Redis) -> Iterator[Finding]:
    holder = cast("bytes | None", redis.get(KEY))
    if holder is None:
        text = "No janitor runs: a job that gets lost stays lost"
        yield problem("janitor", text, "Start one: earshot janitor (or earshot up, which starts all)")
    else:
        yield ok("janitor", f"The janitor {holder.decode(errors='replace')} acts")


def _age(written: Any) -> float:
    """Say how long ago a time was, written by RQ; 0 where it cannot be read."""
    try:
        return max(time.time() - utcparse(written.decode(errors="replace")).timestamp(), 0.0)
    except (AttributeError, ValueError):
        return 0.0


def _jobs(number: int) -> str:
    return f"{number} {'job' if number == 1 else 'jobs'}"
