"""Draining: in order, none lost, none in the way of the others, by one process at a time."""

import os
from pathlib import Path

import pytest
from fakeredis import FakeRedis, FakeServer

from earshot.children import wait_until
from ingest.breaker import Breaker
from ingest.drainer import Drainer
from ingest.spool import BATCH_EVENTS, Spool
from ingest.spool_file import SpoolUnavailable, try_lock
from shared.errors import QueueUnavailable
from shared.publisher import IncomingEvent, Publisher
from shared.settings import Settings


class ObservedPublisher(Publisher):
    """Publishes to the Redis of the test, and fails as told: at ids, or always after so many."""

    def __init__(self, redis: FakeRedis) -> None:
        super().__init__(redis, Settings())
        self.published: list[str] = []
        self.refused: set[str] = set()
        self.broken: set[str] = set()
        self.limit = 10_000

    def publish(self, event):
        if event.event_id in self.refused or len(self.published) >= self.limit:
            raise QueueUnavailable("ResponseError")
        if event.event_id in self.broken:
            raise KeyError("+1 555 0100")
        self.published.append(event.event_id)
        return super().publish(event)


class Bench:
    """A drainer with all that it works on."""

    def __init__(self, directory: Path) -> None:
        self.server = FakeServer()
        self.redis = FakeRedis(server=self.server)
        self.spool = Spool(directory, 1024 * 1024 * 1024)
        self.publisher = ObservedPublisher(self.redis)
        self.breaker = Breaker()
        self.drainer = self.another_drainer()

    def another_drainer(self) -> Drainer:
        return Drainer(self.redis, self.publisher, self.spool, self.breaker)

    def add(self, *names: object) -> None:
        for name in names:
            self.spool.add(IncomingEvent(f"event-{name}", 1_772_702_480_300, ("metrics",), b"{}"))

    def queued(self) -> list[str]:
        return [entry.decode().removesuffix("-metrics") for entry in self.redis.lrange("rq:queue:metrics", 0, -1)]

    def left(self) -> list[str]:
        return [spooled.event_id for spooled in self.spool.oldest()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "spool")


def test_everything_is_published_in_the_order_of_arrival(bench):
    """Over several batches, and then the spool is empty."""
    names = [f"{number * 7919 % 1000:03}" for number in range(BATCH_EVENTS + 50)]
    bench.add(*names)
    assert bench.drainer.drain()
    assert bench.queued() == [f"event-{name}" for name in names]
    assert bench.left() == []


def test_an_empty_spool_is_no_event(bench, lines):
    """Nothing is published, and nothing told."""
    assert bench.drainer.drain()
    assert (bench.publisher.published, lines()) == ([], [])


def test_what_is_left_when_redis_goes_away_stays(bench):
    """It comes next, when Redis takes events again, and nothing comes twice."""
    bench.add(1, 2, 3, 4)
    bench.publisher.limit = 2
    assert not bench.drainer.drain()
    assert set(bench.left()) == {"event-3", "event-4"}
    bench.publisher.limit = 10_000
    assert bench.drainer.drain()
    assert sorted(bench.publisher.published) == ["event-1", "event-2", "event-3", "event-4"]


def test_redis_is_not_asked_to_publish_while_it_does_not_answer(bench):
    """The breaker stays open until a probe is answered; then requests may ask Redis again."""
    bench.add(1)
    bench.breaker.open("ConnectionError")
    bench.server.connected = False
    assert not bench.drainer.drain()
    assert (bench.breaker.is_open, bench.publisher.published) == (True, [])
    bench.server.connected = True
    assert bench.drainer.drain()
    assert (bench.breaker.is_open, bench.queued()) == (False, ["event-1"])


def test_a_redis_that_goes_away_while_draining_opens_the_breaker(bench):
    """Requests hear of it from the drainer, and the event keeps its place."""
    bench.add(1, 2)
    bench.server.connected = False
    assert not bench.drainer.drain()
    assert bench.breaker.is_open
    bench.server.connected = True
    assert bench.drainer.drain()
    assert bench.queued() == ["event-1", "event-2"]


def test_an_event_that_redis_refuses_is_overtaken_by_the_others(bench, lines):
    """It is tried again each time, after them, and told each time; it is never dropped."""
    bench.add(1, 2, 3)
    bench.publisher.refused = {"event-1"}
    assert not bench.drainer.drain()
    assert not bench.drainer.drain()
    assert (bench.queued(), bench.left()) == (["event-2", "event-3"], ["event-1"])
    postponed = [line for line in lines() if line["name"] == "spool.postponed"]
    assert {(line["level"], line["event_id"], line["reason"]) for line in postponed} == {
        ("WARNING", "event-1", "ResponseError")
    }
    bench.publisher.refused = set()
    assert bench.drainer.drain()
    assert bench.left() == []


def test_an_event_that_cannot_be_read_is_set_aside(bench, lines, caplog):
    """A person is told, without a word of what is in it; the others go on, and it is kept."""
    bench.add(1, 2, 3)
    bench.publisher.broken = {"event-2"}
    assert bench.drainer.drain()
    assert (bench.queued(), bench.left()) == (["event-1", "event-3"], [])
    assert bench.spool.depth().unreadable == 1
    (aside,) = [line for line in lines() if line["name"] == "spool.set_aside"]
    assert (aside["level"], aside["event_id"], aside["reason"].split("@")[0]) == ("ERROR", "event-2", "KeyError")
    assert "555" not in caplog.text + str(lines())


def test_a_crash_after_publishing_publishes_again_and_changes_nothing(bench, monkeypatch):
    """The next drainer publishes the same events; each of them has one job still."""
    bench.add(1, 2)
    monkeypatch.setattr(bench.spool, "remove", crash)
    with pytest.raises(SystemExit):
        bench.drainer.drain()
    monkeypatch.undo()
    assert bench.another_drainer().drain()
    assert bench.queued() == ["event-1", "event-2"]
    assert bench.left() == []


def crash(published):
    if published:
        raise SystemExit


def test_what_cannot_be_removed_is_not_published_over_and_over(bench, monkeypatch):
    """While the disk is full the same process remembers what it has published."""
    bench.add(1, 2)
    remove = bench.spool.remove

    def disk_full(published):
        if published:
            raise SpoolUnavailable("SQLITE_FULL")

    monkeypatch.setattr(bench.spool, "remove", disk_full)
    for _ in range(3):
        with pytest.raises(SpoolUnavailable):
            bench.drainer.drain()
    monkeypatch.setattr(bench.spool, "remove", remove)
    assert bench.drainer.drain()
    assert bench.publisher.published == ["event-1", "event-2"]


def test_what_was_removed_is_forgotten(bench, monkeypatch):
    """Nothing grows with the number of events that went through the spool."""
    removed = []
    remove = bench.spool.remove
    monkeypatch.setattr(bench.spool, "remove", lambda published: (removed.extend(published), remove(published)))
    for name in (1, 2):
        bench.add(name)
        bench.drainer.drain()
    assert [spooled.event_id for spooled in removed] == ["event-1", "event-2"]


def test_one_process_drains_at_a_time(bench):
    """While another one is at it there is nothing to do; when that one has died, there is."""
    bench.add(1)
    other = os.open(bench.spool.directory / "draining", os.O_RDWR | os.O_CREAT, 0o600)
    assert try_lock(other)
    assert bench.drainer.drain()
    assert bench.publisher.published == []
    os.close(other)
    bench.drainer.drain()
    assert bench.publisher.published == ["event-1"]


def test_no_failure_ends_it(bench, monkeypatch, lines):
    """It goes on with the next attempt, and tells a failure that lasts only once."""
    bench.add(1)
    monkeypatch.setattr(bench.spool, "oldest", crash_reading)
    assert [bench.drainer._try_to_drain() for _ in range(3)] == [False, False, False]
    assert [(line["level"], line["name"], line["reason"].split("@")[0]) for line in lines()] == [
        ("ERROR", "spool.failed", "ZeroDivisionError")
    ]
    monkeypatch.undo()
    assert bench.drainer._try_to_drain()
    assert bench.queued() == ["event-1"]


def crash_reading():
    raise ZeroDivisionError("+1 555 0100")


def test_progress_is_told_now_and_then(bench, monkeypatch, lines):
    """How many were published, and how many are left, of a spool that takes long."""
    monkeypatch.setattr("ingest.drainer.TELL_SECONDS", 0)
    bench.add(*range(BATCH_EVENTS + 1))
    bench.drainer.drain()
    first, second, end = lines()
    assert (first["name"], first["events"], first["left"]) == ("spool.draining", BATCH_EVENTS, 1)
    assert (second["name"], second["events"]) == ("spool.draining", BATCH_EVENTS + 1)
    assert (end["name"], end["events"]) == ("spool.emptied", BATCH_EVENTS + 1)


def test_it_works_by_itself_once_started(bench):
    """Woken by whoever has spooled an event."""
    bench.drainer.start()
    bench.add(1)
    bench.drainer.wake()
    assert wait_until(lambda: bench.queued() == ["event-1"], 10)
