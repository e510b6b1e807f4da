"""The two arms: Earshot, and a plain RQ worker with a job for each event and stage and the body as its argument."""

# ruff: noqa: ARG002 - the control needs to know less than ours

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from redis import Redis
from rq import Queue
from rq.intermediate_queue import IntermediateQueue

from shared.event_records import StoredEvent, record_key
from shared.publisher import Publisher
from shared.settings import Settings
from shared.stages import QUARANTINE, STAGES
from tests.faults import programs
from tests.faults.loads import bystander_of, incoming
from tests.faults.oracle import Difference, Pair, compare_with_plain_run, compare_with_serial_run
from tests.faults.stand import SHORT

PLAIN_QUEUE = "plain"
PLAIN_JOB = "bench.controls.rq_jobs.run"
PLAIN_JOB_SECONDS = 2


class Arm(Protocol):
    """What the scenarios need to know of a pipeline."""

    @property
    def name(self) -> str:
        """How it is called in the table."""

    @property
    def stages(self) -> Sequence[str]:
        """Its stages."""

    def publish(self, redis: Redis, stage: str, events: Sequence[StoredEvent]) -> None:
        """Publish events for one stage."""

    def worker(self, stage: str) -> tuple[Callable[..., None], str]:
        """Give the program of its worker, and the queue it works on."""

    @property
    def recovery_seconds(self) -> float:
        """How long everything may take to be put right."""

    def crew(self, stage: str, redis_urls: Sequence[str]) -> Sequence[tuple[Any, ...]]:
        """Give the programs, with their arguments, that put things right in many Redis databases."""

    def unsettled(self, redis: Redis, stage: str, events: Iterable[StoredEvent]) -> int:
        """Count the events that wait or are at work."""

    def dead(self, redis: Redis, stage: str) -> int:
        """Count the failed jobs of a stage."""

    def doubled(self, redis: Redis, stage: str, events: Sequence[StoredEvent]) -> int:
        """Count jobs that wait more than once, or bystanders that do not wait exactly once."""

    def compare(self, found_url: str, serial_url: str, pairs: Iterable[Pair]) -> Difference:
        """Compare what is in the tables with a serial run."""


class EarshotArm:
    """Ours."""

    name = "earshot"
    stages = (*STAGES, QUARANTINE)
    recovery_seconds = 30.0

    def __init__(self, changed: Mapping[str, str] | None = None) -> None:
        self._settings = Settings.model_validate(
            {name.lower(): text for name, text in {**SHORT, **(changed or {})}.items()}
        )

    def publish(self, redis: Redis, stage: str, events: Sequence[StoredEvent]) -> None:
        """Publish events for one stage, and for another that nobody works on."""
        publisher = Publisher(redis, self._settings)
        for event in events:
            publisher.publish(incoming(event, (stage, bystander_of(stage))))

    def worker(self, stage: str) -> tuple[Callable[..., None], str]:
        """Give the program `earshot worker`."""
        return programs.work, stage

    def crew(self, stage: str, redis_urls: Sequence[str]) -> Sequence[tuple[Any, ...]]:
        """Give a worker and a janitor."""
        return [(programs.visit, stage, redis_urls), (programs.tidy, redis_urls)]

    def unsettled(self, redis: Redis, stage: str, events: Iterable[StoredEvent]) -> int:
        """Count the events whose record says that the stage is still to do, dead letters apart."""
        pending = [event for event in events if redis.hexists(record_key(event.event_id), f"stage:{stage}")]
        return sum(not _is_dead_letter(redis, stage, f"{event.event_id}-{stage}") for event in pending)

    def dead(self, redis: Redis, stage: str) -> int:
        """Count the dead letters."""
        return _number(redis.zcard(f"rq:failed:{stage}"))

    def doubled(self, redis: Redis, stage: str, events: Sequence[StoredEvent]) -> int:
        """Count ids that are in the stage's queue still, and other stages' jobs that are not as they were."""
        bystander = bystander_of(stage)
        waiting = _ids(redis, f"rq:queue:{bystander}")
        expected = [f"{event.event_id}-{bystander}" for event in events]
        harmed = [one for one in expected if redis.hget(f"rq:job:{one}", "status") != b"queued"]
        again = [one for one in _ids(redis, f"rq:queue:{stage}") if redis.exists(b"rq:job:" + one)]
        return len(again) + abs(len(waiting) - len(expected)) + len(harmed)

    def compare(self, found_url: str, serial_url: str, pairs: Iterable[Pair]) -> Difference:
        """Compare all tables, internal columns included."""
        return compare_with_serial_run(found_url, serial_url, pairs)


class PlainArm:
    """The control."""

    name = "plain rq"
    stages = ("metrics",)  # They are alike.
    recovery_seconds = 90.0  # RQ calls a job of 2 s abandoned after 62 s.

    def publish(self, redis: Redis, stage: str, events: Sequence[StoredEvent]) -> None:
        """Enqueue a job for each event, as RQ's guide does it; the short time-out is in its favour."""
        queue = Queue(PLAIN_QUEUE, connection=redis)
        for event in events:
            queue.enqueue(
                PLAIN_JOB,
                stage,
                event.body.decode(),
                job_id=event.event_id,
                job_timeout=PLAIN_JOB_SECONDS,
                result_ttl=0,
            )

    def worker(self, stage: str) -> tuple[Callable[..., None], str]:
        """Give RQ's own worker."""
        return programs.work_plainly, PLAIN_QUEUE

    def crew(self, stage: str, redis_urls: Sequence[str]) -> Sequence[tuple[Any, ...]]:
        """Give a worker: RQ has nothing else."""
        return [(programs.visit_plainly, PLAIN_QUEUE, redis_urls)]

    def unsettled(self, redis: Redis, stage: str, events: Iterable[StoredEvent]) -> int:
        """Count the jobs that wait or are said to be at work."""
        queue = Queue(PLAIN_QUEUE, connection=redis)
        intermediate = IntermediateQueue.get_intermediate_queue_key(queue.key)
        started = _number(redis.zcard(queue.started_job_registry.key))
        return _number(redis.llen(queue.key)) + _number(redis.llen(intermediate)) + started

    def dead(self, redis: Redis, stage: str) -> int:
        """Count the failed jobs."""
        return _number(redis.zcard(Queue(PLAIN_QUEUE, connection=redis).failed_job_registry.key))

    def doubled(self, redis: Redis, stage: str, events: Sequence[StoredEvent]) -> int:
        """Count nothing: it promises nothing about queues."""
        return 0

    def compare(self, found_url: str, serial_url: str, pairs: Iterable[Pair]) -> Difference:
        """Compare its own tables."""
        return compare_with_plain_run(found_url, serial_url, pairs)


def _is_dead_letter(redis: Redis, stage: str, job_id: str) -> bool:
    return redis.zscore(f"rq:failed:{stage}", job_id) is not None and bool(redis.exists(f"rq:job:{job_id}"))


def _ids(redis: Redis, key: str) -> list[bytes]:
    found: Any = redis.lrange(key, 0, -1)
    return list(found)


def _number(answer: Any) -> int:
    return int(answer)
