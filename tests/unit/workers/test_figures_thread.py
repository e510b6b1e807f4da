"""The thread that keeps figures: how long it rests, when it stands by, and what it does while PostgreSQL is away."""

import threading

import pytest

from shared.errors import DatabaseUnavailable
from shared.settings import Settings
from tests.programs import wait_for
from workers import figures_thread
from workers.figures import NotOurTurn
from workers.figures_thread import LONGEST_PAUSE_SECONDS, REST_FACTOR, ROUND_SECONDS, FiguresThread


class Clock:
    """A clock that stands still unless somebody works or rests."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Work:
    """Does what a test tells it, and takes as long."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.pieces = 0
        self.seconds = 0.0
        self.number = 0
        self.fault: Exception | None = None

    def __call__(self) -> int:
        self.pieces += 1
        self._clock.now += self.seconds
        if self.fault:
            raise self.fault
        return self.number


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """The clock that the thread goes by."""
    clock = Clock()
    monkeypatch.setattr(figures_thread, "time", clock)
    return clock


@pytest.fixture
def calls(clock) -> Work:
    """The work on calls."""
    return Work(clock)


@pytest.fixture
def hours(clock) -> Work:
    """The work on hours."""
    return Work(clock)


@pytest.fixture
def turn() -> threading.Event:
    """Whether it is this janitor's turn."""
    return threading.Event()


@pytest.fixture
def thread(calls, hours, turn) -> FiguresThread:
    """The thread, not started."""
    thread = FiguresThread(Settings(), turn.is_set)
    thread._calls._work, thread._hours._work = calls, hours
    return thread


def test_it_rests_ten_times_as_long_as_it_works(thread, calls, clock):
    """With nothing to do it looks again after a round, with much to do after ten times what that took."""
    assert thread._work() == ROUND_SECONDS
    clock.now += ROUND_SECONDS
    calls.seconds = 3.0
    thread._work()
    assert thread._calls.due_at - clock.now == pytest.approx(REST_FACTOR * 3.0)


def test_calls_do_not_wait_for_a_large_hour(thread, calls, hours, clock):
    """While the thread rests from hours that took long, it looks for calls every round."""
    hours.seconds = 5.0
    thread._work()
    for _ in range(10):
        clock.now += thread._work()
    assert (calls.pieces, hours.pieces) == (11, 1)
    clock.now += REST_FACTOR * hours.seconds
    thread._work()
    assert hours.pieces == 2


def test_only_what_was_done_is_logged(thread, calls, clock, caplog):
    """A look that finds nothing leaves no line."""
    caplog.set_level("INFO")
    clock.now += thread._work()
    assert caplog.messages == []
    calls.number = 1
    thread._work()
    assert [record.fields for record in caplog.records] == [{"calls": 1, "hours": 0, "duration_ms": 0.0}]


def test_it_waits_longer_and_longer_while_postgresql_is_away(thread, calls, caplog):
    """Each failure is told and doubles the pause up to a limit; work that succeeds makes it short again."""
    calls.fault = DatabaseUnavailable("OperationalError")
    pauses = [thread._work() for _ in range(8)]
    assert pauses[:3] == [ROUND_SECONDS, 2 * ROUND_SECONDS, 4 * ROUND_SECONDS]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    assert caplog.records[0].fields == {"server": "PostgreSQL", "reason": "OperationalError"}
    calls.fault = None
    thread._work()
    assert thread._pause_seconds == ROUND_SECONDS


def test_another_ones_work_is_no_fault(thread, calls, caplog):
    """Where another janitor works on figures, this one looks again after a round and says nothing."""
    calls.fault = NotOurTurn()
    assert thread._work() == ROUND_SECONDS
    assert caplog.messages == []


def test_it_works_in_its_turn_only(thread, calls, turn, monkeypatch):
    """Before its turn it does nothing, from then on it works, and it ends when it is told to."""
    monkeypatch.setattr(figures_thread, "ROUND_SECONDS", 0.01)
    standing_by = threading.Event()
    monkeypatch.setattr(thread._database, "close", standing_by.set)
    thread.start()
    assert standing_by.wait(5)
    assert calls.pieces == 0
    turn.set()
    wait_for(lambda: calls.pieces > 0)
    thread.stop()
    assert not thread._thread.is_alive()
