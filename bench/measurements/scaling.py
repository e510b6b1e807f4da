"""Do more workers of one stage help, or do they wait for one another?

Two workers that hold events of the same call wait for one another. With few calls in flight all batches are about the
same calls, which is the worst case; with many, consecutive batches are about different ones.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import psycopg

from bench.arms.earshot import EarshotPipeline
from bench.comparisons import Comparison, Side
from bench.drain import Drain
from bench.plan import Arm, Plan
from bench.samples import Figures
from bench.sizes import Sizes
from bench.stand import Stand
from bench.workload import backlog

FEW, MANY = 2, 8
STAGE = "transcripts"
LOOK_SECONDS = 0.01
RATE, WAITING, DEADLOCKS = "events/s", "lock wait %", "deadlocks"
SESSIONS = """
    select count(*) filter (where wait_event_type = 'Lock'), count(*)
    from pg_stat_activity where application_name = 'earshot'
"""
COUNT_DEADLOCKS = "select deadlocks from pg_stat_database where datname = current_database()"

# Few, so that eight batches at a time are about different calls without the backlog growing large.
MESSAGES = 3
MANY_CALLS, FEW_CALLS = "many calls", "few calls"


def _side(count: int, load: str, figure: str) -> Side:
    return Side(f"{count} workers, {load}", figure)


def _comparisons(load: str) -> tuple[Comparison, ...]:
    few = (_side(FEW, load, RATE),)
    return (
        Comparison(f"rate of {MANY} workers of a stage, x {FEW}, {load}", _side(MANY, load, RATE), 1, controls=few),
        Comparison(f"% of time in lock waits, {MANY} workers, {load}", _side(MANY, load, WAITING), 1, is_floor=False),
        Comparison(f"deadlocks, {MANY} workers, {load}", _side(MANY, load, DEADLOCKS), 0, is_floor=False),
    )


COMPARISONS = (*_comparisons(MANY_CALLS), *_comparisons(FEW_CALLS))


def plan(stand: Stand, sizes: Sizes) -> Plan:
    """Drain one stage's queue with few workers, and with many."""
    in_flight = {MANY_CALLS: sizes.scaling_calls, FEW_CALLS: sizes.in_flight}
    arms = [
        Arm(_side(count, load, RATE).arm, partial(_run, stand, sizes.scaling_calls, calls, count))
        for load, calls in in_flight.items()
        for count in (FEW, MANY)
    ]
    settings = {"stage": STAGE, "calls": sizes.scaling_calls, "messages a call": MESSAGES, "calls in flight": in_flight}
    return Plan("scaling", "Scaling out: workers of one stage", arms, COMPARISONS, settings)


def _run(stand: Stand, calls: int, in_flight: int, count: int) -> Figures:
    pipeline = EarshotPipeline(stand, processes=count, stages=(STAGE,))
    snapshots = backlog(calls, MESSAGES, in_flight)
    before = int(stand.one(COUNT_DEADLOCKS))
    with _watching(stand.database_url) as seen:
        drained = Drain(stand, pipeline, snapshots).run()
    waiting, sessions = (sum(counts) for counts in zip(*seen, strict=True)) if seen else (0, 0)
    deadlocks = int(stand.one(COUNT_DEADLOCKS)) - before
    return {RATE: drained[RATE], WAITING: 100 * waiting / max(sessions, 1), DEADLOCKS: deadlocks}


@contextmanager
def _watching(database_url: str) -> Iterator[list[tuple[int, int]]]:
    """Look at the workers' sessions all the while: how many of how many wait for a lock."""
    seen: list[tuple[int, int]] = []
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(database_url, seen, stop), daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        stop.set()
        watcher.join()


def _watch(database_url: str, seen: list[tuple[int, int]], stop: threading.Event) -> None:
    with psycopg.connect(database_url, autocommit=True, application_name="bench") as session:
        while not stop.wait(LOOK_SECONDS):
            waiting, sessions = session.execute(SESSIONS).fetchone() or (0, 0)
            if sessions:
                seen.append((waiting, sessions))
