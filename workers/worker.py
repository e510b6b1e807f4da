"""RQ's worker for one stage: its life cycle, with shorter leases and a pause while PostgreSQL is away."""

import os
import secrets
import socket
import time
from importlib.resources import files
from typing import Any

from redis import Redis
from rq import Queue, SimpleWorker
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.registry import ScheduledJobRegistry
from rq.serializers import JSONSerializer

from shared.database import Database
from shared.errors import RetryLater
from shared.jobs import StageJob
from shared.settings import Settings

# How long an idle worker blocks before it looks for jobs whose pause is over.
POLL_SECONDS = 2
PROMOTED_AT_ONCE = 500
LONGEST_WAIT_SECONDS = 5.0

_PROMOTE = files("shared").joinpath("lua/promote.lua").read_text()


class StageWorker(SimpleWorker):
    """Works on the one queue of one stage. With several, RQ pops in a way that loses a job when the worker dies."""

    max_connection_wait_time = LONGEST_WAIT_SECONDS

    def __init__(self, queue: str, redis: Redis, settings: Settings, database: Database) -> None:
        super().__init__(
            [Queue(queue, connection=redis, job_class=StageJob, serializer=JSONSerializer)],
            name=f"{queue}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}",
            connection=redis,
            job_class=StageJob,
            serializer=JSONSerializer,
            default_result_ttl=0,
            worker_ttl=settings.worker_ttl_seconds,
            maintenance_interval=settings.maintenance_seconds,
            log_job_description=False,
        )
        self.is_stopped = False
        self._database = database
        self._lease_margin_seconds = settings.lease_margin_seconds
        self._promote = redis.register_script(_PROMOTE)

    def request_stop(self, signum: Any, frame: Any) -> None:
        """Remember that the end is wanted, then end as RQ does: after the job at hand."""
        self.is_stopped = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ's

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for a job, looking every few seconds for those whose pause is over; without `timeout` do not wait."""
        while True:
            self._promote_due_jobs()
            if timeout is None:
                return self._ended(super().dequeue_job_and_maintain_ttl(None, max_idle_time))
            result = super().dequeue_job_and_maintain_ttl(POLL_SECONDS, POLL_SECONDS)
            if result is not None:
                return result
            self.check_for_suspension(burst=False)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job; when it met an unreachable server, take no other until that serves again."""
        super().execute_job(job, queue)
        if isinstance(job, StageJob) and isinstance(job.failure, RetryLater):
            self._wait_for_database()

    def prepare_job_execution(self, job: Job, remove_from_intermediate_queue: bool = False) -> None:  # noqa: FBT001, FBT002
        """Forget that the job was ever seen waiting: RQ would take its next run for stuck at first sight."""
        self.connection.delete(IntermediateQueue(self.queues[0].key, self.connection).get_first_seen_key(job.id))
        super().prepare_job_execution(job, remove_from_intermediate_queue)

    def get_heartbeat_ttl(self, job: Job) -> int:
        """Say after how many seconds without a sign of life a job counts as abandoned."""
        return int(job.timeout or 0) + self._lease_margin_seconds

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Log nothing: the stage has logged its failure, in one line."""

    def _ended(self, result: tuple[Job, Queue] | None) -> tuple[Job, Queue] | None:
        self.is_stopped = self.is_stopped or result is None
        return result

    def _promote_due_jobs(self) -> None:
        queue = self.queues[0]
        scheduled = ScheduledJobRegistry(queue=queue)  # type: ignore[no-untyped-call]  # RQ's
        self._promote([scheduled.key, queue.key], [time.time(), PROMOTED_AT_ONCE])

    def _wait_for_database(self) -> None:
        wait_seconds = 0.5
        while not (self._stop_requested or self._database.is_reachable()):
            self.heartbeat()
            time.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)
