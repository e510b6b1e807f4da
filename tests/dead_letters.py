"""Dead letters for tests: as a worker leaves them, without a worker."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis
from rq.job import JobStatus

from shared.event_records import compress, record_key
from shared.jobs import OUT_OF_REACH_SECONDS, DeadLetterRegistry, StageJob
from shared.publisher import IncomingEvent, Publisher, event_id_of
from shared.settings import Settings

NEWEST = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RECEIVED_AT_MS = 1_772_702_480_300
CAUSE = (
    'Traceback (most recent call last):\n  File "tasks.py"\nworkers.tasks.StageFailed: CheckViolation (23514) at x:1'
)

Fields = dict[Any, Any]


def publish(redis: Redis, body: bytes, *stages: str, call_id: str = "WC-1", job_attempts: int = 5) -> str:
    """Publish an event; gives its id."""
    event_id = event_id_of(body)
    event = IncomingEvent(event_id, RECEIVED_AT_MS, stages, body, "conversation-update", call_id)
    Publisher(redis, Settings(job_attempts=job_attempts)).publish(event)
    return event_id


def fail(redis: Redis, event_id: str, stage: str, cause: str = CAUSE) -> None:
    """Have the last attempt at a stage fail, as RQ's worker has it."""
    job = StageJob.fetch(f"{event_id}-{stage}", connection=redis)
    redis.lrem(f"rq:queue:{stage}", 1, job.id)
    job.retries_left = 0
    job.ended_at = datetime.now(UTC)
    with redis.pipeline() as pipeline:
        job.set_status(JobStatus.FAILED, pipeline=pipeline)
        job._handle_failure(cause, pipeline)
        pipeline.execute()
    assert isinstance(job.failed_job_registry, DeadLetterRegistry)


def fail_in_bulk(redis: Redis, numbers: Iterable[int], stage: str = "metrics") -> None:
    """Write many dead letters, one a second back from NEWEST; every tenth is a BadEvent, ten a call."""
    body = compress(b'{"message": "private words"}')
    with redis.pipeline(transaction=False) as pipeline:
        for number in numbers:
            event_id = f"{number:032x}"
            failed_at = (NEWEST - timedelta(seconds=number)).timestamp()
            error = "BadEvent" if number % 10 == 0 else "CheckViolation"
            record: Fields = {"event_type": "conversation-update", "call_id": f"WC-{number // 10}", "body": body}
            record |= {"size": 28, "received_at": RECEIVED_AT_MS, "left": 1, f"stage:{stage}": ""}
            job: Fields = {"status": "failed", "error": error, "reason": f"{error}: a reason", "data": b"x"}
            job |= {"meta": '{"attempts": 4}', "retries_left": 0}
            pipeline.hset(record_key(event_id), mapping=record)
            pipeline.hset(f"rq:job:{event_id}-{stage}", mapping=job)
            pipeline.zadd(f"rq:failed:{stage}", {f"{event_id}-{stage}": OUT_OF_REACH_SECONDS + failed_at})
        pipeline.execute()
