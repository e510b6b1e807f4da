"""The control as a running system: a web process that enqueues, and RQ's own worker."""

from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from typing import cast

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue

from shared.event_records import StoredEvent
from tests.faults import programs
from tests.faults.arms import PLAIN_JOB, PLAIN_QUEUE
from tests.faults.oracle import Difference, Pair, compare_with_plain_run
from tests.faults.running_system import ANSWER_SECONDS, RunningSystem
from tests.faults.stand import terminate


class PlainSystem(RunningSystem):
    """The control: three jobs an event, enqueued by the web process; one SimpleWorker, which a supervisor restarts."""

    name = "plain rq"
    stages = ("transcripts", "metrics", "interruptions")

    def start(self) -> None:
        """Start a worker: with one, the order is kept, in its favour."""
        self._client = Redis.from_url(self.stand.redis_url(), socket_timeout=ANSWER_SECONDS)
        self._queue = Queue(PLAIN_QUEUE, connection=self._client)
        self.workers = [(PLAIN_QUEUE, self.start_worker())]

    def start_worker(self) -> BaseProcess:
        """Start a worker."""
        return self.stand.start(programs.work_plainly, self.stand.settings(changed=self.changed), PLAIN_QUEUE, False)

    def stop(self) -> None:
        """End it."""
        self.stop_workers()
        self._client.close()

    def send(self, event: StoredEvent, body: bytes) -> None:
        """Enqueue the jobs of a conversation-update; other events are not its business."""
        stages = self.stages if event.event_type == "conversation-update" else ()
        try:
            for stage in stages:
                job_id = f"{event.event_id}-{stage}"
                self._queue.enqueue(PLAIN_JOB, stage, body.decode(), job_id=job_id, result_ttl=0, job_timeout=2)
        except (RedisError, UnicodeDecodeError):
            self.note(event, (), is_accepted=False)
            return
        self.note(event, stages, is_accepted=True)

    def tend(self) -> None:
        """Start the worker again when it has died."""
        if not self.workers[0][1].is_alive():
            self.workers = [(PLAIN_QUEUE, self.start_worker())]

    def roll(self) -> None:
        """Replace the worker in order."""
        terminate(self.workers[0][1])
        self.tend()

    def unsettled(self) -> Sequence[Pair]:
        """A promise is open while its job waits or is at work."""
        try:
            left = self._open()
        except RedisError:
            return self.acknowledged
        return [(stage, event) for stage, event in self.acknowledged if f"{event.event_id}-{stage}" in left]

    def failed(self) -> set[str]:
        """Name the failed jobs."""
        return {
            one.decode() for one in cast("list[bytes]", self.stand.redis().zrange(f"rq:failed:{PLAIN_QUEUE}", 0, -1))
        }

    def _open(self) -> set[str]:
        redis, key = self.stand.redis(), f"rq:queue:{PLAIN_QUEUE}"
        waiting = cast("list[bytes]", redis.lrange(key, 0, -1) + redis.lrange(f"{key}:intermediate", 0, -1))
        entries = cast("list[bytes]", redis.zrange(f"rq:wip:{PLAIN_QUEUE}", 0, -1))
        started = [one.partition(b":")[0] for one in entries]
        return {one.decode() for one in (*waiting, *started)}

    def dead(self) -> int:
        """Count the failed jobs."""
        return int(self.stand.redis().zcard(f"rq:failed:{PLAIN_QUEUE}"))

    def compare(self) -> Difference:
        """Compare its tables."""
        return compare_with_plain_run(self.stand.database_url, self.stand.serial_url, self.acknowledged)
