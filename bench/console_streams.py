"""`python -m bench.console_streams`: how long after its webhook was due is a message in every stream of its call?

Many streams over a few calls, in one console; webhooks come at a fixed rate through the ingest and the workers. The
time counts from when a webhook was due, and once for each stream that is to tell of it. Ends by itself.
"""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench.arms.earshot import EarshotWorkers
from bench.drain import running, warm_up
from bench.ingests import PATH, free_port, serving
from bench.processes import cpu_seconds, resident_bytes
from bench.rounds import BenchError, readable
from bench.samples import percentile
from bench.stand import READY_SECONDS, ROOT, SECRET, Stand, wait_for
from bench.workload import Snapshot, in_turn
from earshot.children import Process, session_members

TOKEN = "token-of-the-bench"  # noqa: S105 - of servers that live for minutes
START_SECONDS = 2.0  # for the generator to start in
PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.05
MEBIBYTE = 1024 * 1024

_MESSAGE = re.compile(rb'event: message\ndata: \{"call_id":"([^"]+)","message_id":"([^"]+)"')


@dataclass(frozen=True)
class Load:
    """How many streams follow how many calls, and how fast webhooks come for how long."""

    streams: int
    calls: int
    rate: float
    seconds: float

    def snapshots(self) -> tuple[Sequence[Snapshot], Sequence[Snapshot]]:
        """Make the first event of each call, and those that follow."""
        count = round(self.rate * self.seconds)
        messages = count // self.calls + 2
        events = in_turn(range(self.calls), messages, cut_short=True)
        return list(islice(events, self.calls)), list(islice(events, count))


@dataclass
class Reader:
    """Notes when each of the expected messages came, by stream."""

    port: int
    expected: Collection[tuple[str, str]]
    seen: dict[tuple[int, str, str], float] = field(default_factory=dict)
    is_open: int = 0

    async def follow(self, number: int, call_id: str) -> None:
        """Read a stream until it is cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"GET /api/calls/{call_id}/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        writer.write(head.encode())
        if b" 200 " not in await reader.readline():
            raise BenchError("a stream was refused")
        self.is_open += 1
        waiting = b""
        while chunk := await reader.read(1 << 16):
            now = time.monotonic()
            waiting += chunk
            for found in _MESSAGE.finditer(waiting):
                message = (found[1].decode(), found[2].decode())
                if message in self.expected:
                    self.seen.setdefault((number, *message), now)
            waiting = waiting[-1000:]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--streams", type=click.IntRange(1, 2000), default=200, show_default=True, help="Open streams.")
@click.option("--calls", type=click.IntRange(1, 500), default=50, show_default=True, help="Calls that they follow.")
@click.option("--rate", type=click.FloatRange(1, 1000), default=20.0, show_default=True, help="Webhooks a second.")
@click.option("--seconds", type=click.FloatRange(1, 600), default=20.0, show_default=True, help="For how long.")
def main(streams: int, calls: int, rate: float, seconds: float) -> None:
    """Measure the way from a webhook to the streams of its call."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that everything is cleared away
    load = Load(streams, calls, rate, seconds)
    try:
        with Stand() as stand:
            figures = _measure(stand, load)
    except BenchError as error:
        raise click.ClickException(str(error)) from error
    Console().print(_table(load, figures))


def _measure(stand: Stand, load: Load) -> dict[str, float]:
    stand.clean()
    workers = EarshotWorkers(stand)
    first, following = load.snapshots()
    with serving(stand, "earshot", 1) as port, running(stand, workers), _console(stand, load.streams) as console:
        warm_up(stand, workers)
        workers.publish(first)
        wait_for(lambda: _known_calls(stand, first), READY_SECONDS, "the calls did not become rows")
        reader = Reader(console[0], {(one.call_id, one.message_id) for one in following})
        followed = [first[number % load.calls].call_id for number in range(load.streams)]
        wanted = sum(followed.count(one.call_id) for one in following)
        used = -cpu_seconds([console[1]])
        due = asyncio.run(_follow(reader, followed, Posting(port, following, load.rate, wanted)))
        used += cpu_seconds([console[1]])
        footprint = _footprint(console[1])
    latencies = [(at - due[key[1:]]) * 1000 for key, at in reader.seen.items()]
    return {
        "events": len(following),
        "told": len(latencies),
        "missing": wanted - len(latencies),
        "p50 ms": percentile(latencies, 50),
        "p99 ms": percentile(latencies, 99),
        "max ms": max(latencies),
        "console CPU s": used,
        **footprint,
    }


@dataclass(frozen=True)
class Posting:
    """What is posted, how fast, and how often it is to be told in all."""

    port: int
    snapshots: Sequence[Snapshot]
    rate: float
    wanted: int


async def _follow(reader: Reader, followed: Sequence[str], posting: Posting) -> dict[tuple[str, str], float]:
    """Post while all streams are read, until all is told or too long; gives when each message was due."""
    tasks = [asyncio.create_task(reader.follow(number, call_id)) for number, call_id in enumerate(followed)]
    if not await _until(lambda: reader.is_open == len(followed), READY_SECONDS):
        raise BenchError("not all streams could be opened")
    start = time.monotonic() + START_SECONDS
    with _posting(posting, start):
        seconds = START_SECONDS + len(posting.snapshots) / posting.rate + PATIENCE_SECONDS
        await _until(lambda: len(reader.seen) >= posting.wanted, seconds)
    for task in tasks:
        task.cancel()
    numbered = enumerate(posting.snapshots)
    return {(one.call_id, one.message_id): start + number / posting.rate for number, one in numbered}


async def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_SECONDS)
    return condition()


def _known_calls(stand: Stand, snapshots: Sequence[Snapshot]) -> bool:
    call_ids = [snapshot.call_id for snapshot in snapshots]
    row = stand.database.execute("select count(*) from calls where call_id = any(%s)", (call_ids,)).fetchone()
    return row is not None and row[0] == len(call_ids)


@contextmanager
def _console(stand: Stand, streams: int) -> Iterator[tuple[int, Process]]:
    port = free_port()
    variables = {"CONSOLE_PORT": str(port), "CONSOLE_TOKENS": TOKEN, "CONSOLE_STREAMS": str(streams)}
    with stand.program("console", *stand.module("earshot", "console"), **variables) as process:
        wait_for(lambda: _listens(port), READY_SECONDS, "the console does not listen")
        yield port, process


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _footprint(console: Process) -> dict[str, float]:
    members = session_members(console.pid)
    threads = sum(len(list(Path(f"/proc/{number}/task").iterdir())) for number in members)
    return {"threads": threads, "memory MiB": sum(map(resident_bytes, members)) / MEBIBYTE}


@contextmanager
def _posting(posting: Posting, start: float) -> Iterator[None]:
    with tempfile.NamedTemporaryFile() as bodies:
        bodies.write(b"\n".join(snapshot.body for snapshot in posting.snapshots))
        bodies.flush()
        where = (str(posting.port), PATH, SECRET, bodies.name, str(start), str(posting.rate))
        command = (sys.executable, "-m", "bench.load.timetable", *where)
        generator = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)  # noqa: S603
        try:
            yield
        finally:
            generator.kill()
            generator.wait()


def _table(load: Load, figures: Mapping[str, float]) -> Table:
    title = f"{load.streams} streams over {load.calls} calls, {readable(load.rate)} webhooks/s for {load.seconds:.0f} s"
    table = Table(title=title, title_justify="left")
    table.add_column("figure")
    table.add_column("", justify="right")
    for name, value in figures.items():
        table.add_row(name, readable(value))
    return table


if __name__ == "__main__":
    main()
