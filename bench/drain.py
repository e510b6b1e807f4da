"""Drain a backlog with two processes, against the clock.

The backlog is published first and its lists are moved aside. The workers start and work on a few events of another
call, until each of them has its imports done and its connections made. Then the lists are moved back, all at once. The
clock runs from the moment the first job leaves them to the moment none is waiting or at work.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench.arms.pipeline import Pipeline
from bench.processes import cpu_seconds
from bench.rounds import BenchError
from bench.samples import Figures
from bench.stand import READY_SECONDS, Stand, wait_for
from bench.workload import Snapshot, call_snapshots
from earshot.children import Process
from earshot.servers.logs import last_lines

ASIDE = "bench:aside:"
LOOK_SECONDS = 0.002
FINE_LOOK_SECONDS = 0.0005
DRAIN_SECONDS = 180.0
WARM_MESSAGES = 8
WARM_TRIES = 40
# Numbers of calls that no backlog holds.
WARM_CALLS = 10_000_000


@dataclass(frozen=True)
class Drain:
    """One run: which pipeline, which backlog."""

    stand: Stand
    pipeline: Pipeline
    snapshots: Sequence[Snapshot]

    def run(self) -> Figures:
        """Do the run. Raises BenchError when it takes too long or rows are missing."""
        self.stand.clean()
        self.pipeline.publish(self.snapshots)
        _move_aside(self.stand, self.pipeline)
        with running(self.stand, self.pipeline) as processes:
            warm_calls = warm_up(self.stand, self.pipeline)
            before = cpu_seconds(processes)
            seconds = self._time()
            used = cpu_seconds(processes) - before
        self._check_rows(warm_calls * WARM_MESSAGES)
        events = len(self.snapshots)
        return {"events/s": events / seconds, "CPU ms/event": used / events * 1000}

    def _time(self) -> float:
        lists = self.pipeline.lists
        full = _count(self.stand, [ASIDE + key for key in lists])
        _move_back(self.stand, self.pipeline)
        self.pipeline.wake()
        wait_for(lambda: _count(self.stand, lists) < full, READY_SECONDS, "no job was taken", FINE_LOOK_SECONDS)
        started = time.monotonic()
        wait_for(lambda: is_idle(self.stand, self.pipeline), DRAIN_SECONDS, "the backlog is not done", LOOK_SECONDS)
        return time.monotonic() - started

    def _check_rows(self, warm_messages: int) -> None:
        messages = len({(snapshot.call_id, snapshot.message_id) for snapshot in self.snapshots}) + warm_messages
        for table, rows in self.pipeline.tables.items():
            found = self.stand.one(f"select count(*) from {table}")  # noqa: S608 - a table of ours
            if found != messages * rows:
                raise BenchError(f"{self.pipeline.name}: {found} rows in {table}, not {messages * rows}")


@contextmanager
def running(stand: Stand, pipeline: Pipeline) -> Iterator[list[Process]]:
    """Run the pipeline's processes until the block ends; a BenchError then tells what the first of them said last."""
    names = [f"{pipeline.name}-{number}" for number, _ in enumerate(pipeline.commands())]
    with ExitStack() as opened:
        try:
            yield [
                opened.enter_context(stand.program(name, *command, **pipeline.variables))
                for name, command in zip(names, pipeline.commands(), strict=True)
            ]
        except BenchError as error:
            raise BenchError(f"{error}\n{last_lines(stand.log_of(names[0]))}") from error


def warm_up(stand: Stand, pipeline: Pipeline) -> int:
    """Give the workers events of other calls until all are ready and nothing is left; gives the number of calls."""
    for tried in range(WARM_TRIES):
        pipeline.publish(call_snapshots(WARM_CALLS + tried, WARM_MESSAGES))
        pipeline.wake()
        wait_for(lambda: is_idle(stand, pipeline), READY_SECONDS, f"{pipeline.name} does not work")
        if pipeline.is_ready():
            return tried + 1
        time.sleep(0.05)
    raise BenchError(f"{pipeline.name}: not all workers became ready")


def is_idle(stand: Stand, pipeline: Pipeline) -> bool:
    """Tell whether no job is waiting or at work, as of one moment."""
    pipeline_of_redis = stand.redis.pipeline(transaction=True)
    for key in pipeline.lists:
        pipeline_of_redis.llen(key)
    for command, key in pipeline.at_work:
        getattr(pipeline_of_redis, command)(key)
    return not any(pipeline_of_redis.execute())


def _count(stand: Stand, lists: Sequence[str]) -> int:
    counts = stand.redis.pipeline(transaction=True)
    for key in lists:
        counts.llen(key)
    return sum(counts.execute())


def _move_aside(stand: Stand, pipeline: Pipeline) -> None:
    for key in (*pipeline.contents, *pipeline.lists):
        stand.redis.rename(key, ASIDE + key)


def _move_back(stand: Stand, pipeline: Pipeline) -> None:
    moves = stand.redis.pipeline(transaction=True)
    for key in (*pipeline.contents, *pipeline.lists):
        moves.rename(ASIDE + key, key)
    moves.execute()
