"""However events are delivered and however many a worker takes at a time, the rows are those of the serial run.

Here events go the whole way: published to Redis, taken off RQ's queues by workers, written, and forgotten by Redis.
"""

import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis
from rq.timeouts import BaseDeathPenalty

from shared.database import Connection
from shared.errors import DatabaseUnavailable
from shared.event_records import StoredEvent
from shared.publisher import IncomingEvent, Publisher
from shared.settings import Settings
from shared.stages import STAGES
from tests.calls import realistic_call, stages_of
from tests.integration.test_worker import count_blocked, leftovers
from tests.programs import program, wait_for
from tests.stage_runs import Rows, Stages
from tests.strategies import examples, hostile_events, realistic_calls
from workers import tasks
from workers.worker import StageWorker

BATCH_SIZES = (1, 7, 200)
CALL_IDS = ("call-1", "call-2")


@dataclass(frozen=True, slots=True)
class Burst:
    """Events that come together, then the stages that catch up, each by the worker it has (False) or a new one."""

    events: Sequence[StoredEvent]
    drains: Sequence[tuple[str, bool]]


class NoTimeLimit(BaseDeathPenalty):
    """Leaves the one alarm of this process to pytest, which would never end a hanging test otherwise."""

    def setup_death_penalty(self) -> None:
        """Set no alarm."""

    def cancel_death_penalty(self) -> None:
        """Undo nothing."""


Deliver = Callable[[int, Iterable[Burst]], Rows]


class Pipeline:
    """The publisher and, in this process, a worker for each stage."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._settings = settings
        self._publisher = Publisher(redis, settings)
        self._workers: dict[str, StageWorker] = {}
        self._opened = ExitStack()

    def publish(self, events: Iterable[StoredEvent]) -> None:
        """Publish events to all their stages."""
        for one in events:
            told = (one.event_id, one.received_at_ms, stages_of(one), one.body, one.event_type, one.call_id)
            self._publisher.publish(IncomingEvent(*told))

    def drain(self, stage: str, *, by_new_worker: bool = False) -> None:
        """Let a worker empty the queue of a stage."""
        if by_new_worker or stage not in self._workers:
            self._workers[stage] = self._new_worker(stage)
        self._workers[stage].work(burst=True, logging_level="CRITICAL")

    def run(self, bursts: Iterable[Burst]) -> None:
        """Publish and drain as the bursts say, and at the end drain every stage."""
        for burst in bursts:
            self.publish(burst.events)
            for stage, by_new_worker in burst.drains:
                self.drain(stage, by_new_worker=by_new_worker)
        for stage in STAGES:
            self.drain(stage)

    def close(self) -> None:
        """Close the connections of the workers."""
        self._opened.close()

    def _new_worker(self, stage: str) -> StageWorker:
        database = tasks.open_database(self._settings)
        self._opened.callback(database.close)
        return StageWorker(stage, self._redis, self._settings, database)


class Doom:
    """Rolls back each transaction that holds a doomed event, at its very end; the next attempt goes through."""

    def __init__(self) -> None:
        self.event_ids: set[str] = set()
        self.failure: type[Exception] = ValueError

    def over(self, process: tasks.Process) -> tasks.Process:
        """Subject the work of a stage to it."""

        def process_doomed(connection: Connection, events: Sequence[Any]) -> Mapping[str, int]:
            written = process(connection, events)
            held = {event.event_id for event in events}
            if held & self.event_ids:
                self.event_ids -= held
                raise self.failure("doomed")
            return written

        return process_doomed


def few_examples(count: int) -> hypothesis_settings:
    """Ask for so many examples, and for a failing one as it is: to shrink it takes a thousand runs, and minutes."""
    return hypothesis_settings(examples(count), phases=[Phase.generate])


@st.composite
def bursts(draw: st.DrawFn, events: Sequence[StoredEvent]) -> list[Burst]:
    """Draw a way to deliver events: in any order, some twice, in a few bursts, with stages that lag behind."""
    again = draw(st.lists(st.sampled_from(events), max_size=3))
    order = draw(st.permutations([*events, *again]))
    cuts = draw(st.sets(st.integers(1, len(order) - 1), max_size=3))
    drains = st.lists(st.tuples(st.sampled_from(STAGES), st.booleans()), max_size=4)
    return [Burst(order[start:end], draw(drains)) for start, end in pairwise([0, *sorted(cuts), len(order)])]


@pytest.fixture
def stages(database_url: str) -> Iterator[Stages]:
    """All stages on this test's database, for the serial run."""
    with Stages(database_url) as running:
        yield running


@pytest.fixture
def own_signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep workers in this process from the alarm, and undo what they make of SIGTERM and SIGINT."""
    monkeypatch.setattr(StageWorker, "death_penalty_class", NoTimeLimit)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def deliver(redis: Redis, database_url: str, stages: Stages, own_signals: None) -> Deliver:
    """Deliver bursts through empty servers to workers with a batch size, and give the rows."""

    def delivered(batch_size: int, bursts: Iterable[Burst]) -> Rows:
        redis.flushall()
        stages.clear()
        with closing(Pipeline(redis, Settings(database_url=database_url, batch_size=batch_size))) as pipeline:
            pipeline.run(bursts)
        return stages.rows()

    return delivered


@pytest.fixture
def doom(monkeypatch: pytest.MonkeyPatch) -> Doom:
    """A doom over all stages, of nobody yet; a worker that meets an outage does not pause."""
    doom = Doom()
    monkeypatch.setattr("workers.worker.FIRST_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(tasks, "PROCESSES", {stage: doom.over(tasks.PROCESSES[stage]) for stage in STAGES})
    return doom


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
@given(data=st.data())
@few_examples(9)
def test_hostile_events_at_any_batch_size(
    stages: Stages, deliver: Deliver, redis: Redis, batch_size: int, data: st.DataObject
):
    """Any order, repetition and pace of delivery gives the serial rows, and Redis keeps nothing."""
    events = data.draw(st.lists(hostile_events(CALL_IDS), min_size=9, max_size=18))
    assert _serial(stages, events) == deliver(batch_size, data.draw(bursts(events)))
    assert leftovers(redis) == []


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
@given(data=st.data())
@few_examples(3)
def test_realistic_calls_at_any_batch_size(
    stages: Stages, deliver: Deliver, redis: Redis, batch_size: int, data: st.DataObject
):
    """A call of 20 to 30 messages ends in the serial rows, and Redis keeps nothing."""
    events = data.draw(realistic_calls(20, 30))
    assert _serial(stages, events) == deliver(batch_size, data.draw(bursts(events)))
    assert leftovers(redis) == []


@pytest.mark.parametrize("failure", [ValueError, DatabaseUnavailable])
@pytest.mark.parametrize("batch_size", BATCH_SIZES)
@given(data=st.data())
@few_examples(4)
def test_what_was_rolled_back_is_taken_in_anew(
    stages: Stages,
    deliver: Deliver,
    redis: Redis,
    doom: Doom,
    batch_size: int,
    failure: type[Exception],
    data: st.DataObject,
):
    """What a worker has worked out and lost with its transaction does no harm to its next attempt."""
    events = data.draw(st.lists(hostile_events(CALL_IDS), min_size=9, max_size=12))
    expected = _serial(stages, events)
    doom.failure = failure
    doom.event_ids = {one.event_id for one in data.draw(st.lists(st.sampled_from(events), min_size=1, max_size=3))}
    assert expected == deliver(batch_size, data.draw(bursts(events)))
    assert doom.event_ids == set()
    assert leftovers(redis) == []


@pytest.mark.parametrize("seed", [5, 6])
def test_two_workers_on_the_same_calls(
    stages: Stages,
    redis: Redis,
    database: psycopg.Connection,
    settings_of_programs: Mapping[str, str],
    own_signals: None,
    tmp_path: Path,
    seed: int,
):
    """Two workers that hold batches of the same calls, one of them rolled back, then two new ones: rows are serial."""
    random = Random(seed)
    events = [one for call_id in CALL_IDS for one in realistic_call(random, messages=16, call_id=call_id)]
    expected = _serial(stages, events)
    stages.clear()
    random.shuffle(events)
    with closing(Pipeline(redis, Settings(database_url=settings_of_programs["DATABASE_URL"]))) as pipeline:
        pipeline.run([Burst(events[28:], [])])
        for part, is_one_rolled_back in ((events[:14], True), (events[14:28], False)):
            pipeline.publish(part)
            with _two_workers_at_once(database, settings_of_programs, tmp_path / "log"):
                if is_one_rolled_back:
                    database.execute("select pg_terminate_backend(pid) from pg_locks where not granted limit 1")
            pipeline.run([])
    assert expected == stages.rows()
    assert leftovers(redis) == []


@contextmanager
def _two_workers_at_once(database: psycopg.Connection, settings: Mapping[str, str], log: Path) -> Iterator[None]:
    """Hold two workers inside a batch of seven each for the length of a block, then let them finish."""
    settings = {**settings, "BATCH_SIZE": "7"}
    with ExitStack() as running:
        with database.transaction():
            database.execute("lock table messages in access exclusive mode")
            start = partial(program, "worker", "transcripts", "--burst", settings=settings, log=log)
            workers = [running.enter_context(start()) for _ in range(2)]
            wait_for(lambda: count_blocked(database) == 2)
            yield
        assert [worker.wait(20) for worker in workers] == [0, 0], log.read_text()


def _serial(stages: Stages, events: Sequence[StoredEvent]) -> Rows:
    stages.clear()
    stages.send(*events)
    return stages.rows()
