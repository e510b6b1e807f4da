"""What does an event cost when its call grows long? It repeats the whole conversation each time."""

import time
from collections import Counter
from functools import partial

from bench.arms.bare import BarePipeline
from bench.arms.earshot import EarshotPipeline
from bench.arms.pipeline import Pipeline
from bench.comparisons import Comparison, Side
from bench.drain import Drain
from bench.plan import Arm, Plan
from bench.samples import Figures
from bench.sizes import CALL_MESSAGES, Sizes
from bench.stand import READY_SECONDS, Stand, wait_for
from bench.workload import backlog

LONG = 200
COST, WALL, ROWS = "CPU ms/event", "wall ms/event", "rows/new message"
WRITTEN = "select relname, n_tup_ins + n_tup_upd from pg_stat_user_tables where n_tup_ins + n_tup_upd > 0"
WORKING = "select count(*) from pg_stat_activity where application_name in ('earshot', 'bench-control')"
# Each event brings one message; the tables of a stage's rows are called alike for all arms, the rest is bookkeeping.
TABLES = {
    "messages": "messages",
    "plain_messages": "messages",
    "message_metrics": "metrics",
    "plain_metrics": "metrics",
    "interruptions": "interruptions",
    "plain_interruptions": "interruptions",
}
KINDS = ("messages", "metrics", "interruptions", "other")
ONE_A_MESSAGE = ("messages", "metrics")


def _growth(figure: str) -> Comparison:
    short = (Side(f"earshot, {CALL_MESSAGES}", figure),)
    claim = f"growth, {figure}: {LONG} messages to {CALL_MESSAGES}"
    return Comparison(claim, Side(f"earshot, {LONG}", figure), 2.5, is_floor=False, controls=short)


def _rows_written(kind: str) -> Comparison:
    claim = f"rows written a new message, {LONG} messages: {kind}"
    return Comparison(claim, Side(f"earshot, {LONG}", f"{kind} {ROWS}"), 1, is_floor=False)


COMPARISONS = (_growth(COST), _growth(WALL), *map(_rows_written, ONE_A_MESSAGE))
NAMES = ("earshot", "bare loop")


def plan(stand: Stand, sizes: Sizes) -> Plan:
    """Drain calls of each length with one process, which is the whole cost of a worker."""
    lengths = sizes.growth_messages
    arms = [Arm(f"{name}, {length}", partial(_run, stand, name, sizes, length)) for length in lengths for name in NAMES]
    settings = {"messages a call": list(lengths), "events a run": sizes.growth_events, "processes": 1}
    return Plan("growth", "Growth: the cost of an event by the length of its call", arms, COMPARISONS, settings)


def _run(stand: Stand, name: str, sizes: Sizes, length: int) -> Figures:
    calls = max(1, sizes.growth_events // length)
    snapshots = backlog(calls, length, sizes.in_flight)
    stand.database.execute("select pg_stat_reset()")
    drained = Drain(stand, _pipeline(stand, name), snapshots).run()
    body = sum(len(snapshot.body) for snapshot in snapshots) / len(snapshots)
    figures = {COST: drained[COST], WALL: 1000 / drained["events/s"], "body kB": body / 1000}
    return {**figures, **_written(stand)}


def _pipeline(stand: Stand, name: str) -> Pipeline:
    if name == "earshot":
        return EarshotPipeline(stand, processes=1)
    alone = BarePipeline(stand, "bare loop")
    alone.workers = 1
    return alone


def _written(stand: Stand) -> dict[str, float]:
    # A session tells its counts when it ends.
    wait_for(lambda: stand.one(WORKING) == 0, READY_SECONDS, "the workers' sessions did not end")
    time.sleep(0.1)
    written: Counter[str] = Counter()
    for table, rows in stand.database.execute(WRITTEN):
        written[TABLES.get(table, "other")] += rows
    messages = stand.one("select (select count(*) from messages) + (select count(*) from plain_messages)")
    return {f"{kind} {ROWS}": written[kind] / messages for kind in KINDS}
