"""Many writers at once, on calls they share, in opposite orders."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg

from shared.database import Database
from shared.event_records import StoredEvent
from tests.calls import realistic_call, stages_of
from tests.faults.oracle import Difference, Pair, compare_with_plain_run, compare_with_serial_run, store_plainly
from tests.faults.stand import Stand
from tests.faults.verdicts import Verdict
from workers import tasks

WRITERS = 32
CALLS = 6
BATCH = 5
SHARE = 0.25  # of all batches, that each writer writes
TIMEOUT_SECONDS = 20
PLAIN_STAGES = ("transcripts", "metrics", "interruptions")

Batch = tuple[str, Sequence[StoredEvent]]
Compare = Callable[[str, str, Sequence[Pair]], Difference]


def writers(stand: Stand, seed: int, *, number: int = WRITERS, share: float = SHARE) -> list[Verdict]:
    """Let 32 threads write overlapping batches: no deadlock comes out, and the rows are those of the serial run."""
    events = [event for call in range(CALLS) for event in _call(seed, call)]
    pairs = [(stage, event) for event in events for stage in stages_of(event)]
    plain = [pair for pair in pairs if pair[0] in PLAIN_STAGES]
    shares = [_share(random.Random(f"{seed}-{writer}"), pairs, writer, share) for writer in range(number)]
    name = f"{number} writers"
    with _connections(stand.database_url):
        ours = _write(Verdict(name), stand, shares, tasks.run_stage)
    _judge(ours, stand, pairs, compare_with_serial_run)
    shares = [[batch for batch in batches if batch[0] in PLAIN_STAGES] for batches in shares]
    with _PlainStore(stand.database_url) as plain_store:
        control = _write(Verdict(name, "plain rq"), stand, shares, plain_store.store)
    _judge(control, stand, plain, compare_with_plain_run)
    return [ours, control]


def _call(seed: int, number: int) -> list[StoredEvent]:
    return realistic_call(random.Random(f"{seed}-call-{number}"), messages=10, call_id=f"WC-writers-{number}")


def _share(chance: random.Random, pairs: Sequence[Pair], writer: int, share: float) -> list[Batch]:
    """Cut the events into batches, each writer in an order of its own; the first one leaves nothing out."""
    batches = []
    for stage in sorted({stage for stage, _ in pairs}):
        events = [event for one, event in pairs if one == stage]
        chance.shuffle(events)
        batches += [(stage, batch) for batch in batched_by(events, BATCH)]
    chance.shuffle(batches)
    return batches if writer == 0 else batches[: round(share * len(batches))]


def batched_by(events: Sequence[StoredEvent], size: int) -> list[Sequence[StoredEvent]]:
    """Cut a sequence into pieces."""
    return [events[start : start + size] for start in range(0, len(events), size)]


def _write(
    verdict: Verdict,
    stand: Stand,
    shares: Sequence[Sequence[Batch]],
    store: Callable[[str, Sequence[StoredEvent]], object],
) -> Verdict:
    stand.clear()
    began = time.monotonic()
    barrier = threading.Barrier(len(shares))

    def write(batches: Sequence[Batch]) -> list[str]:
        barrier.wait()
        return [failure for batch in batches if (failure := _failure(store, *batch))]

    with ThreadPoolExecutor(len(shares)) as team:
        failures = [failure for failed in team.map(write, shares) for failure in failed]
    verdict.points = sum(map(len, shares))
    verdict.seconds = time.monotonic() - began
    verdict.wrong += len(failures)
    verdict.notes += sorted(set(failures))
    return verdict


def _failure(store: Callable[[str, Sequence[StoredEvent]], object], stage: str, events: Sequence[StoredEvent]) -> str:
    try:
        store(stage, events)
    except Exception as error:  # noqa: BLE001 - each that comes out is counted
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return ""


def _judge(verdict: Verdict, stand: Stand, pairs: Sequence[Pair], compare: Compare) -> None:
    difference = compare(stand.database_url, stand.serial_url, pairs)
    verdict.acknowledged = len(pairs)
    verdict.lost, verdict.doubled = len(difference.lost), len(difference.doubled)
    verdict.wrong += len(difference.wrong)


class _OfThread(threading.local):
    """What `tasks` takes for its list of one database: one for each thread."""

    def __init__(self, url: str, opened: list[Database]) -> None:
        self._database = Database(url, TIMEOUT_SECONDS)
        opened.append(self._database)

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, place: int) -> Database:
        return self._database


@contextmanager
def _connections(url: str) -> Iterator[None]:
    opened: list[Database] = []
    before, tasks._databases = tasks._databases, _OfThread(url, opened)  # type: ignore[assignment]
    try:
        yield
    finally:
        tasks._databases = before
        for database in opened:
            database.close()


class _PlainStore:
    """The control's upsert, one event at a time, on a connection of each thread."""

    def __init__(self, url: str) -> None:
        self._url, self._local = url, threading.local()
        self._opened: list[psycopg.Connection] = []

    def __enter__(self) -> "_PlainStore":
        return self

    def __exit__(self, *_: object) -> None:
        for session in self._opened:
            session.close()

    def store(self, stage: str, events: Sequence[StoredEvent]) -> None:
        """Store events one by one."""
        if not hasattr(self._local, "session"):
            self._local.session = psycopg.connect(self._url, autocommit=True)
            self._opened.append(self._local.session)
        for event in events:
            store_plainly(self._local.session, stage, event)
