"""How many webhooks are accepted a second, on disk before the answer or within a second of it?"""

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.comparisons import Comparison, Side
from bench.ingests import PATH, serving
from bench.load.generator import generator, load
from bench.plan import Arm, Plan
from bench.rounds import BenchError
from bench.samples import Figures
from bench.sizes import Sizes
from bench.stand import Stand
from bench.workload import call_snapshots

MESSAGES = 23  # makes a body of 14 kB
BODIES = 100
WARM_SECONDS = 1
SERVERS = (("earshot", 1), ("earshot", 2), ("bare WSGI", 1), ("bare WSGI", 2), ("naive Flask", 1), ("naive Flask", 2))
SYNCS = ("always", "everysec")
RATE = "requests/s"
# The list that gets one entry, or three, for each event.
OUR_LIST = ("rq:queue:transcripts", 1)
LISTS = {"earshot": OUR_LIST, "bare WSGI": OUR_LIST, "naive Flask": ("rq:queue:bench", 3)}


def _side(name: str, processes: int, sync: str) -> Side:
    return Side(f"{name} x{processes}, {sync}", RATE)


def _beside(control: str, target: float, processes: int, sync: str) -> Comparison:
    side, controls = _side("earshot", processes, sync), (_side(control, processes, sync),)
    return Comparison(f"ingest x{processes}, {sync}, x {control}", side, target, controls=controls)


def _durable(processes: int) -> Comparison:
    side, controls = _side("earshot", processes, "always"), (_side("earshot", processes, "everysec"),)
    return Comparison(f"ingest x{processes}, always, x everysec", side, 0.6, controls=controls)


COMPARISONS = (
    *(_beside("bare WSGI", 0.85, processes, sync) for sync in SYNCS for processes in (1, 2)),
    *(_beside("naive Flask", 8, processes, sync) for sync in SYNCS for processes in (1, 2)),
    *map(_durable, (1, 2)),
)


def plan(stand: Stand, sizes: Sizes, opened: ExitStack) -> Plan:
    """Start all servers once, idle while it is another's turn, and load each in turn."""
    bodies = _write_bodies(Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="earshot-bench-"))))
    seconds = sizes.load_seconds
    arms = []
    for name, processes in SERVERS:
        port = opened.enter_context(serving(stand, name, processes))
        load(port, PATH, bodies, sizes.connections, WARM_SECONDS)
        for sync in SYNCS:
            run = partial(_run, stand, name, sync, partial(load, port, PATH, bodies, sizes.connections, seconds))
            arms.append(Arm(_side(name, processes, sync).arm, run))
    size = bodies.stat().st_size // BODIES
    settings = {"connections": sizes.connections, "seconds": seconds, "body bytes": size, "generator": generator()}
    return Plan("ingest", "Ingest: POST /webhooks/interactly", arms, COMPARISONS, settings)


def _run(stand: Stand, name: str, sync: str, load_server: "partial[tuple[int, float]]") -> Figures:
    stand.clean(sync)
    requests, seconds = load_server()
    key, jobs = LISTS[name]
    kept = int(stand.redis.llen(key)) // jobs
    if kept < requests:
        raise BenchError(f"{name}: {requests} requests were answered, {kept} events are in the queue")
    return {RATE: requests / seconds}


def _write_bodies(directory: Path) -> Path:
    file = directory / "bodies"
    snapshots = (call_snapshots(number, MESSAGES)[-1] for number in range(BODIES))
    file.write_bytes(b"".join(one.body.replace(one.call_id.encode(), b"@CALL@", 1) + b"\n" for one in snapshots))
    return file
