"""Our arm: the real publisher and the real worker program."""

import time
from collections.abc import Mapping, Sequence

from bench.arms.pipeline import STAGES
from bench.ready import count_ready
from bench.stand import Stand
from bench.workload import EVENT_TYPE, Snapshot
from shared.publisher import IncomingEvent, Publisher, event_id_of

TABLES = {"transcripts": "messages", "metrics": "message_metrics"}


class EarshotPipeline:
    """`processes` processes that between them work the stages, each going round them from a place of its own."""

    variables: Mapping[str, str] = {}
    contents: Sequence[str] = ()

    def __init__(self, stand: Stand, *, processes: int = 2, stages: Sequence[str] = STAGES) -> None:
        self.name = "earshot"
        self.stand = stand
        self.stages = stages
        self.lists = [f"rq:queue:{stage}" for stage in stages]
        self.at_work = [pair for stage in stages for pair in _at_work(stage)]
        self.tables = {TABLES[stage]: 1 for stage in stages if stage in TABLES}
        self._processes = processes
        self._publisher = Publisher(stand.redis, stand.settings)

    def commands(self) -> Sequence[Sequence[str]]:
        """Let the second process begin where the first ends, so that two do not crowd into one queue."""
        orders = (self.stages, self.stages[::-1])
        return [
            self.stand.module("bench.stage_runner", ",".join(orders[number % 2])) for number in range(self._processes)
        ]

    def publish(self, snapshots: Sequence[Snapshot]) -> None:
        """Publish events as the ingest does."""
        for snapshot in snapshots:
            event_id, now = event_id_of(snapshot.body), time.time_ns() // 1_000_000
            event = IncomingEvent(event_id, now, self.stages, snapshot.body, EVENT_TYPE, snapshot.call_id)
            self._publisher.publish(event)

    def wake(self) -> None:
        """Nothing to do."""

    def is_ready(self) -> bool:
        """All processes have told so."""
        return count_ready(self.stand.redis) >= self._processes


class EarshotWorkers(EarshotPipeline):
    """The programs as the Procfile starts them: `earshot worker STAGE`, one process a stage."""

    def __init__(self, stand: Stand) -> None:
        super().__init__(stand)
        self.name = "earshot worker"

    def commands(self) -> Sequence[Sequence[str]]:
        """Start one worker for each stage."""
        return [self.stand.module("earshot", "worker", stage) for stage in self.stages]

    def is_ready(self) -> bool:
        """RQ knows a worker for each stage."""
        return int(self.stand.redis.scard("rq:workers")) >= len(self.stages)


def _at_work(stage: str) -> list[tuple[str, str]]:
    return [("llen", f"rq:queue:{stage}:intermediate"), ("zcard", f"rq:wip:{stage}")]
