"""However events are delivered and however many a worker takes at a time, the rows are those of the serial run.

Here events go the whole way: published to Redis, taken off RQ's queues by workers, written, and forgotten by Redis.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from shared.database import Connection
from shared.errors import DatabaseUnavailable
from shared.event_records import StoredEvent
from shared.publisher import IncomingEvent, Publisher
from shared.settings import Settings
from shared.stages import STAGES
from tests.calls import stages_of
from tests.integration.test_worker import leftovers
from tests.stage_runs import Rows, Stages
from tests.strategies import examples, hostile_events, realistic_calls
from workers import tasks
from workers.worker import StageWorker

BATCH_SIZES = (1, 7, 200)


@dataclass(frozen=True, slots=True)
class Burst:
    """Events that come together, then the stages that catch up: each by a worker of its own past, or by a new one."""

    events: Sequence[StoredEvent]
    drains: Sequence[tuple[str, bool]]


class Pipeline:
    """The publisher and, in this process, a worker for each stage."""

    def __init__(self, redis: Redis, database_url: str) -> None:
        self._redis = redis
        self._database_url = database_url
        self._database = tasks.open_database(Settings(database_url=database_url))

    def begin(self, batch_size: int) -> None:
        """Start again with an empty Redis and workers that take so many events at a time."""
        self._redis.flushall()
        self._settings = Settings(database_url=self._database_url, batch_size=batch_size)
        self._publisher = Publisher(self._redis, self._settings)
        self._workers: dict[str, StageWorker] = {}
        self.close()
        self._database = tasks.open_database(self._settings)

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
        """Close the connection of the workers; one that goes on makes a new one."""
        self._database.close()

    def _new_worker(self, stage: str) -> StageWorker:
        self.close()
        return StageWorker(stage, self._redis, self._settings, self._database)


class Doom:
    """Rolls back each transaction that holds a doomed event, at its very end; the next attempt goes through."""

    def __init__(self) -> None:
        self.event_ids: set[str] = set()
        self.failure: type[Exception] = ValueError

    def befall(self, process: tasks.Process) -> tasks.Process:
        """Make a stage's work subject to it."""

        def process_doomed(connection: Connection, events: Sequence[Any]) -> Mapping[str, int]:
            written = process(connection, events)
            held = {event.event_id for event in events}
            if held & self.event_ids:
                self.event_ids -= held
                raise self.failure("doomed")
            return written

        return process_doomed


@st.composite
def bursts(draw: st.DrawFn, events: Sequence[StoredEvent]) -> list[Burst]:
    """Draw a way to deliver events: in any order, some twice, in a few bursts, with stages that lag behind."""
    again = draw(st.lists(st.sampled_from(events), max_size=3))
    order = draw(st.permutations([*events, *again]))
    edges = [0, *sorted(draw(st.sets(st.integers(1, len(order) - 1), max_size=3))), len(order)]
    drains = st.lists(st.tuples(st.sampled_from(STAGES), st.booleans()), max_size=4)
    return [Burst(order[start:end], draw(drains)) for start, end in pairwise(edges)]


@pytest.fixture
def stages(database_url: str) -> Iterator[Stages]:
    """All stages on this test's database, for the serial run."""
    with Stages(database_url) as running:
        yield running


@pytest.fixture
def doom(monkeypatch: pytest.MonkeyPatch) -> Doom:
    """A doom upon all stages, which strikes nobody yet; a worker that meets an outage does not pause."""
    doom = Doom()
    monkeypatch.setattr("workers.worker.FIRST_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(tasks, "PROCESSES", {stage: doom.befall(tasks.PROCESSES[stage]) for stage in STAGES})
    return doom


@pytest.fixture
def pipeline(redis: Redis, database_url: str) -> Iterator[Pipeline]:
    """The way from the publisher to the rows, on this test's servers."""
    running = Pipeline(redis, database_url)
    yield running
    running.close()


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
@given(data=st.data())
@examples(15)
def test_hostile_events_at_any_batch_size(
    stages: Stages, pipeline: Pipeline, redis: Redis, batch_size: int, data: st.DataObject
):
    """Any order, repetition and pace of delivery gives the serial rows, and Redis keeps nothing."""
    events = data.draw(st.lists(hostile_events(["call-1", "call-2"]), min_size=9, max_size=18))
    assert _serial(stages, events) == _delivered(stages, pipeline, batch_size, data.draw(bursts(events)))
    assert leftovers(redis) == []


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
@given(data=st.data())
@examples(4)
def test_realistic_calls_at_any_batch_size(
    stages: Stages, pipeline: Pipeline, redis: Redis, batch_size: int, data: st.DataObject
):
    """A call of 20 to 30 messages ends in the serial rows, and Redis keeps nothing."""
    events = data.draw(realistic_calls(20, 30))
    assert _serial(stages, events) == _delivered(stages, pipeline, batch_size, data.draw(bursts(events)))
    assert leftovers(redis) == []


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
@given(data=st.data())
@examples(10)
def test_transactions_rolled_back_in_between(
    stages: Stages, pipeline: Pipeline, redis: Redis, doom: Doom, batch_size: int, data: st.DataObject
):
    """What a worker took in and lost with its transaction, it takes in anew: the rows are the serial ones."""
    events = data.draw(st.lists(hostile_events(["call-1", "call-2"]), min_size=9, max_size=12))
    expected = _serial(stages, events)
    doom.failure = data.draw(st.sampled_from([ValueError, DatabaseUnavailable]))
    doom.event_ids = {one.event_id for one in data.draw(st.lists(st.sampled_from(events), min_size=1, max_size=3))}
    assert expected == _delivered(stages, pipeline, batch_size, data.draw(bursts(events)))
    assert leftovers(redis) == []


def _serial(stages: Stages, events: Sequence[StoredEvent]) -> Rows:
    stages.clear()
    stages.send(*events)
    return stages.rows()


def _delivered(stages: Stages, pipeline: Pipeline, batch_size: int, bursts: Iterable[Burst]) -> Rows:
    stages.clear()
    pipeline.begin(batch_size)
    pipeline.run(bursts)
    return stages.rows()
