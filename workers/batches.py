"""Batches of jobs: taken from RQ's queue, finished or given back, each in one script and one round trip.

What RQ stores of a job at work is written as RQ writes it, so that RQ's sweep finds the jobs of a killed worker.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import cast

from redis import Redis
from rq import Queue
from rq.utils import now, utcformat

from shared.errors import BadEvent
from shared.event_records import StoredEvent, decompress
from shared.publisher import attempts_meta, job_data
from shared.rq_names import event_id_of_job, intermediate_key
from shared.stages import CHANNELS

Bytes = bytes | None


@dataclass(frozen=True, slots=True)
class TakenJob:
    """A job as the take script returns it: RQ's fields, then those of the event record."""

    job_id: str
    data: bytes
    retries_left: Bytes
    meta: Bytes
    body: Bytes
    event_type: Bytes
    call_id: Bytes
    received_at: Bytes
    reason: Bytes

    def is_plain(self, stage: str) -> bool:
        """Tell whether the job is as it was published: its function and argument, and no attempt spent.

        Only then may it run with others; what has failed before, or is not as we write it, runs alone.
        """
        expected = job_data(stage, self.event_id(stage))
        return self.data == expected and self.meta == attempts_meta(int(self.retries_left or 0)).encode()

    def event_id(self, stage: str) -> str:
        """Name the job's event."""
        return event_id_of_job(self.job_id, stage)

    def event(self, stage: str) -> StoredEvent | None:
        """Read the job's event; None where it is done already. Raises BadEvent."""
        if self.body is None:
            return None
        call_id, event_type, reason = ((part or b"").decode() for part in (self.call_id, self.event_type, self.reason))
        received_at = int(self.received_at or 0)
        return StoredEvent(self.event_id(stage), event_type, call_id, received_at, decompress(self.body), reason)


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs taken together: `plain` ones with their events, which may run in one transaction, and those to run alone."""

    execution_id: str
    plain: Sequence[TakenJob]
    events: Sequence[StoredEvent]
    alone: Sequence[TakenJob]

    @property
    def plain_ids(self) -> list[str]:
        """The ids of the jobs that run together."""
        return [job.job_id for job in self.plain]


class BatchQueue:
    """The queue of one stage, worked in batches by one worker."""

    def __init__(self, queue: Queue, redis: Redis, worker_name: str, worker_key: str) -> None:
        self._stage = queue.name
        self._redis = redis
        self._worker = (worker_name, worker_key)
        self._queue_key = queue.key
        self._intermediate_key = intermediate_key(queue.name)
        self._started_key = queue.started_job_registry.key
        self._take, self._finish, self._give_back = (
            redis.register_script(files("shared").joinpath(f"lua/{name}.lua").read_text())
            for name in ("take", "finish_batch", "give_back")
        )

    def await_job(self, seconds: int) -> str | None:
        """Block until there is a job, as RQ's own worker does, and name it; None when the time is over."""
        popped = cast("bytes | None", self._redis.blmove(self._queue_key, self._intermediate_key, seconds))
        return None if popped is None else popped.decode()

    def take(self, most: int, full_bytes: int, lease_seconds: int, first: str = "") -> Batch | None:
        """Take up to `most` jobs, or until their bodies come to `full_bytes`; None where there is no job.

        From the queue of a channel one is taken at a time, to run alone: receivers are slow.
        """
        execution_id = uuid.uuid4().hex
        keys = [self._queue_key, self._intermediate_key, self._started_key, self._worker[1]]
        lease_end = int(time.time()) + lease_seconds
        limits: list[str | int] = [first, 1 if self._stage in CHANNELS else most, full_bytes, lease_end]
        taken = self._take(keys, [self._stage, *limits, utcformat(now()), self._worker[0], execution_id])
        jobs = [TakenJob(job_id.decode(), *fields) for job_id, *fields in taken]
        return self._batch(execution_id, jobs) if jobs else None

    def finish(self, batch: Batch, seconds: float) -> None:
        """Take the plain jobs off RQ's books and their events, in one script."""
        arguments: list[str | float] = [self._stage, batch.execution_id, seconds, *batch.plain_ids]
        self._finish([self._started_key, self._worker[1]], arguments)

    def give_back(self, batch: Batch, jobs: Sequence[TakenJob]) -> None:
        """Put jobs back to the front of the queue, with the attempts they have."""
        self._give_back([self._queue_key, self._started_key], [batch.execution_id, *(job.job_id for job in jobs)])

    def holds(self, batch: Batch, job_id: str) -> bool:
        """Tell whether the lease of a job is still ours; a sweep may have taken it, or the job be done."""
        return self._redis.zscore(self._started_key, f"{job_id}:{batch.execution_id}") is not None

    def renew(self, batch: Batch, jobs: Sequence[TakenJob], lease_seconds: int) -> None:
        """Prolong the lease of jobs that still wait for their turn."""
        lease_end = int(time.time()) + lease_seconds
        if jobs:
            entries = {f"{job.job_id}:{batch.execution_id}": lease_end for job in jobs}
            self._redis.zadd(self._started_key, entries, xx=True)

    def release(self, batch: Batch, job_id: str) -> None:
        """Strike a job from the batch, when RQ has entered its execution alone."""
        self._redis.zrem(self._started_key, f"{job_id}:{batch.execution_id}")

    def _batch(self, execution_id: str, jobs: Sequence[TakenJob]) -> Batch:
        plain: list[TakenJob] = []
        events: list[StoredEvent] = []
        alone: list[TakenJob] = []
        for job in jobs:
            try:
                event = job.event(self._stage) if self._may_run_with_others(job) else None
            except (BadEvent, ValueError):  # also a number or a text that is none
                alone.append(job)
                continue
            if event is not None:
                plain.append(job)
                events.append(event)
            else:
                alone.append(job)
        return Batch(execution_id, plain, events, alone)

    def _may_run_with_others(self, job: TakenJob) -> bool:
        return self._stage not in CHANNELS and job.is_plain(self._stage)
