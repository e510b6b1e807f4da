"""RQ's worker for one stage: its life cycle, with batches of jobs where RQ takes one, and shorter leases.

A batch runs in one transaction. If that fails, each of its jobs runs alone by RQ's ordinary path, so that only the
culprit fails; if a server is away, the batch goes back to its queue and the worker waits.
"""

import logging
import os
import secrets
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any, cast

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.registry import ScheduledJobRegistry
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException
from rq.worker import WorkerStatus

from shared.announcements import announce
from shared.database import Database
from shared.errors import OutOfTurn, RetryLater
from shared.jobs import StageJob
from shared.logs import log
from shared.settings import Settings
from workers.batches import Batch, BatchQueue, TakenJob
from workers.tasks import changed_calls, run_stage

# How long an idle worker blocks before it looks for jobs whose pause is over.
POLL_SECONDS = 2
PROMOTED_AT_ONCE = 500
# How often a worker tells Redis that it lives, and looks round there, while it has work. With `appendfsync always` each
# of these costs as much as taking a batch.
HOUSEKEEPING_SECONDS = 1.0
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 5.0

_PROMOTE = files("shared").joinpath("lua/promote.lua").read_text()


class StageWorker(SimpleWorker):
    """Works on the one queue of one stage. With several, RQ pops in a way that loses a job when the worker dies."""

    def __init__(self, stage: str, redis: Redis, settings: Settings, database: Database) -> None:
        queue = Queue(stage, connection=redis, job_class=StageJob, serializer=JSONSerializer)
        super().__init__(
            [queue],
            name=f"{stage}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}",
            connection=redis,
            job_class=StageJob,
            serializer=JSONSerializer,
            default_result_ttl=0,
            worker_ttl=settings.worker_ttl_seconds,
            maintenance_interval=settings.maintenance_seconds,
            log_job_description=False,
        )
        self.is_stopped = False
        self._stage = stage
        self._settings = settings
        self._wait_seconds = FIRST_WAIT_SECONDS
        self._house_kept_at = -HOUSEKEEPING_SECONDS
        self._database = database
        self._queue = queue
        self._batches = BatchQueue(queue, redis, self.name, self.key)
        self._promote = redis.register_script(_PROMOTE)

    def request_stop(self, signum: Any, frame: Any) -> None:
        """Remember that the end is wanted, then end as RQ does: after the work at hand."""
        self.is_stopped = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ's

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for a batch, looking every few seconds for jobs whose pause is over; without `timeout` do not wait.

        RQ hands what comes out of here to `execute_job`, and looks no closer.
        """
        del max_idle_time
        batch = self._next_batch(may_wait=timeout is not None)
        self.is_stopped = self.is_stopped or batch is None
        return None if batch is None else (cast("Job", batch), self._queue)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a batch: the plain jobs together, then those that must run alone."""
        batch = cast("Batch", job)
        alone = list(batch.alone)
        if batch.plain and not self._run_together(batch):
            alone = [*batch.plain, *alone]
        if alone:
            self._run_one_by_one(batch, alone, queue)
            self.set_state(WorkerStatus.IDLE)

    def get_heartbeat_ttl(self, job: Job) -> int:
        """Say after how many seconds without a sign of life a job counts as abandoned."""
        return int(job.timeout or 0) + self._settings.lease_margin_seconds

    def teardown(self) -> None:
        """Sign off, and leave neither a thread nor a connection behind when Redis cannot be told."""
        with suppress(RedisError):
            self.register_death()  # type: ignore[no-untyped-call]  # RQ's
        self.unsubscribe()

    def unsubscribe(self) -> None:
        """End the thread that listens for RQ's commands: told first that it ends, then woken by its last message."""
        if self.pubsub is None or self.pubsub_thread is None:
            return
        self.pubsub_thread.stop()
        with suppress(RedisError):
            self.pubsub.unsubscribe()
        self.pubsub_thread.join(timeout=1)
        self.pubsub.close()

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Log nothing: the stage has logged its failure, in one line."""

    @property
    def _lease_seconds(self) -> int:
        return self._settings.job_timeout_seconds + self._settings.lease_margin_seconds

    def _next_batch(self, *, may_wait: bool) -> Batch | None:
        self._state = WorkerStatus.IDLE
        first = ""
        while True:
            # A job in hand is in no lease yet; whatever else there is to do can wait for it.
            if not first:
                self._keep_house()
            batch = self._take(first)
            if batch or self._stop_requested or not may_wait:
                return batch
            first = self._batches.await_job(POLL_SECONDS) or ""

    def _keep_house(self) -> None:
        """Do, once in a while, what RQ's worker does between any two jobs, and look for jobs whose pause is over."""
        if time.monotonic() < self._house_kept_at + HOUSEKEEPING_SECONDS:
            return
        self._house_kept_at = time.monotonic()
        self.set_state(WorkerStatus.IDLE)
        self.heartbeat()
        if self.should_run_maintenance_tasks:
            self.run_maintenance_tasks()  # type: ignore[no-untyped-call]  # RQ's
        self._promote_due_jobs()
        self.check_for_suspension(burst=False)

    def _take(self, first: str) -> Batch | None:
        # From here on a signal must wait for the end of the batch: what the script takes is ours to finish.
        self._state = WorkerStatus.BUSY
        batch = self._batches.take(self._settings.batch_size, self._settings.batch_bytes, self._lease_seconds, first)
        self._state = WorkerStatus.IDLE if batch is None else WorkerStatus.BUSY
        return batch

    def _run_together(self, batch: Batch) -> bool:
        """Run the plain jobs in one transaction; tells whether they are dealt with."""
        started = time.monotonic()
        try:
            with self.death_penalty_class(self._settings.job_timeout_seconds, JobTimeoutException):
                written = run_stage(self._stage, batch.events)
        except RetryLater as error:
            self._batches.give_back(batch, batch.plain)
            self._log(logging.WARNING, "stage.waiting", batch, reason=f"{type(error).__name__}: {error}")
            self._wait_for_server()
            self.set_state(WorkerStatus.IDLE)
            return True
        except Exception as error:  # noqa: BLE001 - whatever it is, each job now runs alone, and only the culprit fails
            self._log(logging.INFO, "stage.split", batch, reason=type(error).__name__)
            return False
        seconds = time.monotonic() - started
        self._batches.finish(batch, seconds)
        # Only now: a worker that dies here leaves nothing undone but the hint.
        announce(self.connection, changed_calls(batch.events, written))
        self._wait_seconds = FIRST_WAIT_SECONDS
        self._log(logging.INFO, "stage.done", batch, written=sum(written.values()), duration_ms=seconds * 1000)
        return True

    def _run_one_by_one(self, batch: Batch, jobs: Sequence[TakenJob], queue: Queue) -> None:
        """Run jobs by RQ's ordinary path; when a server is away, those that are left go back to their queue."""
        for place, taken in enumerate(jobs, start=1):
            rest = jobs[place:]
            self._batches.renew(batch, [taken, *rest], self._lease_seconds)
            failure = self._run_alone(batch, taken.job_id, queue)
            if isinstance(failure, RetryLater) and not isinstance(failure, OutOfTurn):
                self._batches.give_back(batch, rest)
                self._wait_for_server()
                return

    def _run_alone(self, batch: Batch, job_id: str, queue: Queue) -> BaseException | None:
        """Run a job, unless it has been done or taken back meanwhile; gives how it failed."""
        if not self._batches.holds(batch, job_id):
            return None
        try:
            job = cast("StageJob", StageJob.fetch(job_id, connection=self.connection))
        except NoSuchJobError:
            self._batches.release(batch, job_id)
            return None
        self.prepare_execution(job)
        self._batches.release(batch, job_id)
        self.perform_job(job, queue)
        return job.failure

    def _log(self, level: int, name: str, batch: Batch, **fields: Any) -> None:
        first = batch.events[0]
        ids = {"event_id": first.event_id, "call_id": first.call_id} if len(batch.events) == 1 else {}
        log(level, name, stage=self._stage, events=len(batch.events), **ids, **fields)

    def _promote_due_jobs(self) -> None:
        scheduled = ScheduledJobRegistry(queue=self._queue)  # type: ignore[no-untyped-call]  # RQ's
        self._promote([scheduled.key, self._queue.key], [time.time(), PROMOTED_AT_ONCE])

    def _wait_for_server(self) -> None:
        """Take no work until PostgreSQL serves again, and not at once: the longer, the more often in a row."""
        is_reachable = False
        while not (self._stop_requested or is_reachable):
            self.heartbeat()
            time.sleep(self._wait_seconds)
            self._wait_seconds = min(self._wait_seconds * 2, LONGEST_WAIT_SECONDS)
            is_reachable = self._database.is_reachable()
