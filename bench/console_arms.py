"""What is measured of the console: each question, asked often; the control of some; an export of all calls."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import psycopg

from bench.comparisons import Comparison, Side
from bench.console_client import Client
from bench.console_questions import Control, Question
from bench.console_rows import sql
from bench.console_stand import ConsoleStand
from bench.plan import Arm
from bench.processes import resident_bytes
from bench.rounds import BenchError
from bench.samples import Figures, percentile
from earshot.children import Process, session_members

MEDIAN, LATE, MOST = "median ms", "p95 ms", "max ms"
WARM_REQUESTS, REQUESTS = 5, 40
# A control is asked until it has taken this long, and given up when once is longer than the limit.
CONTROL_SECONDS, CONTROL_LIMIT_SECONDS = 1.0, 60
CONTROL = "control: "
EXPORT = "export of all calls as CSV"
ROWS, GROWN, AT_MOST = "rows/s", "memory, x before", "MB at most"
WEIGH_SECONDS = 0.05
MOST_GROWTH = 1.25


def arms_of(stand: ConsoleStand, process: Process, client: Client, asked: Sequence[Question]) -> Sequence[Arm]:
    """Make an arm of each question and of each control, and one of the export."""
    arms = [Arm(question.name, partial(_ask, client, question.path)) for question in asked]
    controls = [
        Arm(CONTROL + question.name, partial(_control, stand, question.control))
        for question in asked
        if question.control
    ]
    return [*arms, *controls, Arm(EXPORT, partial(_export, process, client))]


def comparisons_of(asked: Sequence[Question]) -> Sequence[Comparison]:
    """Hold 95 of 100 answers to each question against its target, and an export's memory against that before it."""
    answers = [
        Comparison(question.name, Side(question.name, LATE), question.target_ms, is_floor=False) for question in asked
    ]
    return [*answers, Comparison(f"{EXPORT}: memory", Side(EXPORT, GROWN), MOST_GROWTH, is_floor=False)]


def _ask(client: Client, path: str) -> Figures:
    for _ in range(WARM_REQUESTS):
        client.read(path)
    return _spread([client.time(path) for _ in range(REQUESTS)])


def _control(stand: ConsoleStand, control: Control) -> Figures:
    taken: list[float] = []
    try:
        while sum(taken) < CONTROL_SECONDS * 1000 and len(taken) < REQUESTS:
            taken.append(_timed(partial(_select, stand, control)))
    except psycopg.errors.QueryCanceled:
        raise BenchError(f"takes longer than {CONTROL_LIMIT_SECONDS} s") from None
    return _spread(taken)


def _select(stand: ConsoleStand, control: Control) -> None:
    with stand.database.transaction():
        stand.database.execute(cast("Any", f"set local statement_timeout = '{CONTROL_LIMIT_SECONDS}s'"))
        stand.database.execute(cast("Any", sql(control.sql)), control.values).fetchall()


def _export(process: Process, client: Client) -> Figures:
    """Read all calls, and weigh the program before and meanwhile."""
    _ = list(client.stream("/api/calls?format=csv&status=failed"))
    before = most = _weight(process)
    lines, started, looked = 0, time.perf_counter(), 0.0
    for piece in client.stream("/api/calls?format=csv"):
        lines += piece.count(b"\n")
        if time.perf_counter() - looked > WEIGH_SECONDS:
            most, looked = max(most, _weight(process)), time.perf_counter()
    seconds = time.perf_counter() - started
    return {ROWS: (lines - 1) / seconds, AT_MOST: most / 1e6, GROWN: most / before}


def _weight(process: Process) -> int:
    """Give the memory of the program with all its processes."""
    return sum(map(resident_bytes, session_members(process.pid)))


def _spread(taken: Sequence[float]) -> Figures:
    return {MEDIAN: percentile(taken, 50), LATE: percentile(taken, 95), MOST: max(taken)}


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000
