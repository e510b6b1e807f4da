"""The thread that keeps figures: how long it rests, when it stands by, and what it does while PostgreSQL is away."""

import threading

import pytest

from shared.errors import DatabaseUnavailable
from shared.settings import Settings
from tests.programs import wait_for
from workers import figures_thread
from workers.figures import NotOurTurn
from workers.figures_thread import (
    LATE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    LONGEST_REST_SECONDS,
    REST_FACTOR,
    ROUND_SECONDS,
    FiguresThread,
)


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
    thread._calls._work, thread._hours._work, thread._delay._read_seconds = calls, hours, lambda: 0.0
    return thread


@pytest.mark.parametrize(("seconds", "rest"), [(0.01, ROUND_SECONDS), (0.5, REST_FACTOR * 0.5)])
def test_it_rests_ten_times_as_long_as_it_works(seconds, rest, thread, calls, clock):
    """With nothing to do it looks again after a round, with much to do after ten times what that took."""
    calls.seconds = seconds
    assert rest_after_pieces(thread, clock) == pytest.approx(rest)


def rest_after_pieces(thread: FiguresThread, clock: Clock) -> float:
    """Do some pieces of the work on calls, one as soon as the next is due; gives the rest after the last."""
    for _ in range(3):
        clock.now = max(clock.now, thread._calls.due_at)
        thread._calls.do_if_due()
    return thread._calls.due_at - clock.now


def test_no_rest_is_long(thread, calls, clock):
    """However long pieces take, the next one is begun soon."""
    calls.seconds = 200.0
    assert rest_after_pieces(thread, clock) == LONGEST_REST_SECONDS


def test_a_server_that_stood_still_is_no_work(thread, calls, hours, clock):
    """After one piece that took long among quick ones the next comes after a round."""
    clock.now += thread._work()
    calls.seconds = hours.seconds = 24.0
    thread._work()
    assert thread._calls.due_at <= clock.now + ROUND_SECONDS
    assert thread._hours.due_at <= clock.now + ROUND_SECONDS


def test_late_figures_are_told_of(thread, clock, caplog):
    """As long as figures are behind there is a warning once a minute, and none of a delay that is short."""
    for seconds in (LATE_SECONDS, 90.4, 150.0):
        thread._delay._read_seconds = lambda seconds=seconds: seconds
        until = clock.now + LATE_SECONDS
        while clock.now < until:
            clock.now += thread._work()
    told = [(record.levelname, record.getMessage(), record.fields) for record in caplog.records]
    assert told == [("WARNING", "figures.behind", {"seconds": number}) for number in (90, 150)]


def test_calls_do_not_wait_for_a_large_hour(thread, calls, hours, clock):
    """While the thread rests from hours that took long, it looks for calls every round."""
    hours.seconds = 1.0
    while hours.pieces < 2:
        clock.now += thread._work()
    pieces, ended = calls.pieces, clock.now
    while hours.pieces < 3:
        clock.now += thread._work()
    assert clock.now - ended >= (REST_FACTOR - 1) * hours.seconds
    assert calls.pieces - pieces >= REST_FACTOR - 1


def test_only_what_was_done_is_logged(thread, calls, clock, caplog):
    """A look that finds nothing leaves no line."""
    caplog.set_level("DEBUG")
    clock.now += thread._work()
    assert caplog.messages == []
    calls.number = 1
    thread._work()
    assert [record.fields for record in caplog.records] == [{"calls": 1, "hours": 0, "duration_ms": 0.0}]


def test_it_waits_longer_and_longer_while_postgresql_is_away(thread, calls, clock, caplog):
    """Each failure is told and doubles the pause up to a limit; work that succeeds makes it short again."""
    calls.fault = DatabaseUnavailable("OperationalError")
    pauses = [thread._work() for _ in range(8)]
    assert pauses[:3] == [ROUND_SECONDS, 2 * ROUND_SECONDS, 4 * ROUND_SECONDS]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    assert caplog.records[0].fields == {"server": "PostgreSQL", "reason": "OperationalError"}
    calls.fault = None
    thread._work()
    calls.fault = DatabaseUnavailable("OperationalError")
    clock.now += LONGEST_PAUSE_SECONDS
    assert thread._work() == ROUND_SECONDS


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
