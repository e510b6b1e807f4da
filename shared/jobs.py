"""RQ's job, narrowed and hardened: it runs stage functions only, and knows when to try again.

The rules sit in the job class, so that a stock `rq worker` that is given it follows them too.
"""

import math
import random
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis import Redis
from redis.client import Pipeline
from rq import Queue
from rq.executions import Execution, ExecutionRegistry
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.results import Result
from rq.serializers import JSONSerializer

from shared.errors import ForbiddenTask, NeverRetry, NotDelivered, OutOfTurn, RetryLater
from shared.event_records import finish_stage
from shared.failures import failure_told_by
from shared.stages import CHANNELS, TASK_NAMES

FIRST_PAUSE_SECONDS = 2
LONGEST_PAUSE_SECONDS = 300
OUTAGE_PAUSE_SECONDS = 5
# A receiver of notices that is back shall not be kept waiting for long.
LONGEST_PAUSE_OF_NOTICES_SECONDS = 60
# Who delivers the oldest notice goes on with the others; this is for when that one ends before it is through.
TURN_PAUSE_SECONDS = 60

# RQ leaves a job's hash for a year after it failed; a dead letter stays until a person replays or discards it.
KEEP = -1
DROP = 0

# RQ sweeps away what has a score between 0 and now. With this added to the moment of its failure a dead letter is safe
# from that, and the registry is in the order of failing: 300 years.
OUT_OF_REACH_SECONDS = 300 * 365 * 24 * 60 * 60


class StageJob(Job):
    """One stage of one event. Its id is `{event_id}-{stage}`, its only argument the event's id."""

    failure: BaseException | None = None
    """How the last attempt in this process failed."""

    def __init__(self, id: str | None = None, connection: Redis | None = None, serializer: Any = None) -> None:  # noqa: A002
        # Whatever serializer the caller has in mind: reading these jobs must never unpickle anything.
        del serializer
        super().__init__(id=id, connection=connection, serializer=JSONSerializer)

    @property
    def event_id(self) -> str:
        """The event this job works on."""
        return self.id.rpartition("-")[0]

    @property
    def attempts_before(self) -> int:
        """How many attempts have failed; those that met an unreachable server are not counted."""
        return max(int(self.meta.get("attempts", 1)) - (self.retries_left or 0), 0)

    @property
    def execution_registry(self) -> "LivingExecutions":
        """The executions of this job that are still told of."""
        return LivingExecutions(self.id, connection=self.connection)

    @property
    def failed_job_registry(self) -> "DeadLetterRegistry":
        """The dead letters of this job's stage."""
        return DeadLetterRegistry(self.origin, self.connection, job_class=StageJob, serializer=JSONSerializer)

    @property
    def func(self) -> Callable[..., Any]:
        """The stage function. Raises ForbiddenTask for any other."""
        if self.func_name not in TASK_NAMES or self.instance is not None:
            raise ForbiddenTask("the job names a function that is no stage")
        function: Callable[..., Any] = super().func
        return function

    # Callbacks and webhooks are further functions and addresses that a writer to Redis could choose.
    success_callback = failure_callback = stopped_callback = None

    def send_webhooks(self, status: Any, *, exc_string: str | None = None) -> None:
        """Send nothing: no job of ours has a webhook."""

    def perform(self) -> Any:
        """Run the stage, and remember how it failed: that decides about the next attempt."""
        try:
            return super().perform()
        except Exception as error:
            self.failure = error
            raise

    @property
    def should_retry(self) -> bool:
        """Whether the job is worth another attempt."""
        if isinstance(self.failure, NeverRetry):
            return False
        return isinstance(self.failure, RetryLater) or bool(self.retries_left)

    def retry(self, queue: Queue, pipeline: Pipeline) -> None:
        """Schedule the next attempt; one that met an unreachable server is not counted."""
        if isinstance(self.failure, RetryLater):
            self.retries_left = (self.retries_left or 0) + 1
        super().retry(queue, pipeline)
        _tell_failure(self, _told_by(self.failure), pipeline)

    def get_retry_interval(self) -> int:
        """Say how many seconds to wait before the next attempt: at least 1, so that it is scheduled."""
        if isinstance(self.failure, RetryLater):
            return _jittered(TURN_PAUSE_SECONDS if isinstance(self.failure, OutOfTurn) else OUTAGE_PAUSE_SECONDS)
        longest = LONGEST_PAUSE_OF_NOTICES_SECONDS if self.origin in CHANNELS else LONGEST_PAUSE_SECONDS
        asked = self.failure.pause_seconds if isinstance(self.failure, NotDelivered) else 0
        pause = min(FIRST_PAUSE_SECONDS * 2**self.attempts_before, longest)
        return max(_jittered(pause), math.ceil(min(asked, longest)))

    def cleanup(self, ttl: int | None = None, pipeline: Pipeline | None = None, remove_from_queue: bool = True) -> None:  # noqa: FBT001, FBT002 - RQ's signature
        """End the job; the stage is taken off the event in the same transaction."""
        if ttl == DROP:
            connection = pipeline if pipeline is not None else self.connection
            finish_stage(connection, self.event_id, self.origin)
            # A sweep may have listed it among those that failed, while it was at work beyond its lease.
            connection.zrem(FailedJobRegistry.key_template.format(self.origin), self.id)
            # How it failed before; RQ would keep that for ever.
            connection.delete(Result.get_key(self.id))  # type: ignore[no-untyped-call]  # RQ's
        super().cleanup(ttl, pipeline=pipeline, remove_from_queue=remove_from_queue)


class DeadLetterRegistry(FailedJobRegistry):
    """RQ's registry of failed jobs, in the order of failing; each job's own hash tells in short why it failed."""

    def add(  # type: ignore[override]  # RQ's own has this signature, too
        self, job: Job, ttl: int | None = None, exc_string: str = "", pipeline: Pipeline | None = None
    ) -> None:
        """Keep a job that has failed until a person replays or discards it."""
        del ttl
        super().add(job, KEEP, exc_string, pipeline)
        connection = pipeline if pipeline is not None else self.connection
        connection.zadd(self.key, {job.id: OUT_OF_REACH_SECONDS + time.time()})
        _tell_failure(job, exc_string, connection)


class LivingExecutions(ExecutionRegistry):
    """RQ's list of a job's executions, less those whose record is gone.

    The list outlives the record of a killed worker's execution by a minute. In that minute RQ stumbles over it when
    the job, taken up by another worker, has succeeded: it would run again and again, and at last be called failed.
    """

    def get_executions(self, start: int = 0, end: int = -1) -> list[Execution]:
        """Read the executions that still have a record."""
        executions = []
        for execution_id in self.get_execution_ids(start, end):
            with suppress(ValueError):
                executions.append(Execution.fetch(execution_id, self.job_id, connection=self.connection))
        return executions


def _tell_failure(job: Job, exception_text: str, connection: Redis) -> None:
    failure = failure_told_by(exception_text)
    connection.hset(job.key, mapping={"error": failure.error, "reason": failure.reason})


def _told_by(failure: BaseException | None) -> str:
    # No attempt in this process has failed: it takes the job back from a worker that is gone.
    return "abandoned" if failure is None else "".join(traceback.format_exception(failure))


def _jittered(seconds: float) -> int:
    # Jitter spreads the jobs that one fault made fail together.
    return max(1, round(random.uniform(0.5, 1.5) * seconds))  # noqa: S311
