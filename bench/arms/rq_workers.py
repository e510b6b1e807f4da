"""RQ as it comes: the stock worker, which forks for each job, and SimpleWorker, which does not."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rq import Queue

from bench.arms.pipeline import STAGES, PlainPipeline
from bench.stand import Stand
from bench.workload import Snapshot

JOB = "bench.controls.rq_jobs.run"
QUEUE = "bench"
WORKER_CLASSES = {"rq worker": "rq.Worker", "SimpleWorker": "rq.SimpleWorker"}


class RqPipeline(PlainPipeline):
    """Two workers on one queue; three jobs an event, each with the body as its argument."""

    lists = (f"rq:queue:{QUEUE}",)
    at_work = (("llen", f"rq:queue:{QUEUE}:intermediate"), ("zcard", f"rq:wip:{QUEUE}"))

    def __init__(self, stand: Stand, name: str) -> None:
        super().__init__(stand)
        self.name = name
        self._queue = Queue(QUEUE, connection=stand.redis)

    def commands(self) -> Sequence[Sequence[str]]:
        """Start the two by RQ's own command."""
        return [rq_command(self.stand, WORKER_CLASSES[self.name])] * self.workers

    def publish(self, snapshots: Sequence[Snapshot]) -> None:
        """Enqueue many jobs at once, as RQ advises; results are not kept."""
        for snapshot in snapshots:
            body = snapshot.body.decode()
            jobs = [Queue.prepare_data(JOB, args=(stage, body), result_ttl=0) for stage in STAGES]
            self._queue.enqueue_many(jobs)

    def is_ready(self) -> bool:
        """RQ knows both workers."""
        return int(self.stand.redis.scard("rq:workers")) >= self.workers


def rq_command(stand: Stand, worker_class: str) -> tuple[str, ...]:
    """Write the command that starts one of RQ's workers."""
    program = str(Path(sys.executable).with_name("rq"))
    return (program, "worker", "--url", stand.redis_url, "--worker-class", worker_class, "--quiet", QUEUE)
