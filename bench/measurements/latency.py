"""How long after its webhook was due are an event's rows visible, in all three stages?

An open loop: webhooks are due at a fixed rate and sent whatever the answers do, and the time counts from when one was
due, not from when it was sent. So a stall is seen in every event that falls into it (no coordinated omission). A
session of its own looks for the rows, again and again; an event counts as visible when that look has come back.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from bench.arms.earshot import EarshotWorkers
from bench.arms.pipeline import Pipeline
from bench.arms.rq_workers import RqPipeline
from bench.comparisons import Comparison, Side
from bench.drain import is_idle, running, warm_up
from bench.ingests import PATH, serving
from bench.plan import Arm, Plan
from bench.rounds import BenchError
from bench.samples import Figures, percentile
from bench.sizes import CALL_MESSAGES, Sizes
from bench.stand import ROOT, SECRET, Stand, wait_for
from bench.visibility import Watch
from bench.workload import Snapshot, in_turn

SLOW_RATE = 20.0
SHARE_OF_CAPACITY = 0.2
START_SECONDS = 1.0  # for the generator to start in
PATIENCE_SECONDS = 120
INGESTS = {"earshot": "earshot", "SimpleWorker": "naive Flask"}
P50, P99 = "p50 ms", "p99 ms"
SLOW, SHARE = "20 events/s", "20 % of capacity"

COMPARISONS = tuple(
    Comparison(f"POST to rows, {load}, {figure}", Side(f"earshot, {load}", figure), target, is_floor=False)
    for load in (SHARE, SLOW)
    for figure, target in ((P50, 10), (P99, 60))
)


def plan(stand: Stand, sizes: Sizes) -> Plan:
    """Run the whole pipeline at a slow rate, and at a fifth of what it can do."""
    arms = []
    for name in INGESTS:
        contender = Contender(stand, sizes, name)
        arms += [
            Arm(f"{name}, {SLOW}", partial(contender.run_at, SLOW_RATE)),
            Arm(f"{name}, {SHARE}", contender.run_at_share),
        ]
    settings = {"seconds": sizes.latency_seconds, "messages a call": CALL_MESSAGES, "calls in flight": sizes.in_flight}
    return Plan("latency", "Latency: from the POST to the rows of all stages", arms, COMPARISONS, settings)


@dataclass
class Contender:
    """One whole pipeline, from HTTP to rows: its ingest with one process, and its workers."""

    stand: Stand
    sizes: Sizes
    name: str
    capacities: list[float] = field(default_factory=list)

    def run_at_share(self) -> Figures:
        """Run at a fifth of the capacity, which is measured once."""
        if not self.capacities:
            self.capacities.append(self._measure_capacity())
        return self.run_at(SHARE_OF_CAPACITY * self.capacities[0])

    def run_at(self, rate: float) -> Figures:
        """Run at a rate for a while."""
        snapshots = self._snapshots(max(20, round(rate * self.sizes.latency_seconds)))
        with self._running() as port:
            start = time.monotonic() + START_SECONDS
            with _posting(port, snapshots, start, rate) as generator:
                watch = Watch(self.stand.database, self.name == "earshot", start, rate)
                latencies = watch.latencies_ms(snapshots)
            late = _result(generator)["latest_ms"]
        figures = {"rate/s": rate, P50: percentile(latencies, 50), P99: percentile(latencies, 99)}
        return {**figures, "max ms": max(latencies), "generator late ms": late}

    def _measure_capacity(self) -> float:
        """Post as fast as it is taken, with the workers at work: events a second until the last row."""
        snapshots = self._snapshots(self.sizes.latency_probe_events // (1 if self.name == "earshot" else 5))
        pipeline = self._pipeline()
        with self._running() as port, _posting(port, snapshots, 0, 0) as generator:
            started = _result(generator)["started"]
            wait_for(lambda: is_idle(self.stand, pipeline), PATIENCE_SECONDS, "the probe was not worked off")
            seconds = time.monotonic() - started
        return len(snapshots) / seconds

    @contextmanager
    def _running(self) -> Iterator[int]:
        self.stand.clean()
        pipeline = self._pipeline()
        with serving(self.stand, INGESTS[self.name], 1) as port, running(self.stand, pipeline):
            warm_up(self.stand, pipeline)
            yield port

    def _pipeline(self) -> Pipeline:
        return EarshotWorkers(self.stand) if self.name == "earshot" else RqPipeline(self.stand, self.name)

    def _snapshots(self, count: int) -> Sequence[Snapshot]:
        calls = max(1, min(self.sizes.in_flight, count // CALL_MESSAGES))
        rounds = -(-count // (calls * CALL_MESSAGES))
        groups = (range(start * calls, (start + 1) * calls) for start in range(rounds))
        return [one for group in groups for one in in_turn(group, CALL_MESSAGES, cut_short=True)][:count]


@contextmanager
def _posting(port: int, snapshots: Sequence[Snapshot], start: float, rate: float) -> Iterator["subprocess.Popen[str]"]:
    with tempfile.NamedTemporaryFile() as bodies:
        bodies.write(b"\n".join(snapshot.body for snapshot in snapshots))
        bodies.flush()
        where = (str(port), PATH, SECRET, bodies.name, str(start), str(rate))
        command = (sys.executable, "-m", "bench.load.timetable", *where)
        generator = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)  # noqa: S603
        try:
            yield generator
        finally:
            if sys.exc_info()[0]:
                generator.kill()


def _result(generator: "subprocess.Popen[str]") -> dict[str, float]:
    """Wait for the generator's word."""
    output, _ = generator.communicate(timeout=PATIENCE_SECONDS)
    told: dict[str, float] = json.loads(output.partition("RESULT ")[2] or '{"failed": -1}')
    if told["failed"]:
        raise BenchError("posting did not succeed throughout")
    return told
