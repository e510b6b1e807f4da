"""The thread that keeps alerts: how long it rests, when it stands by, and what it does while a server is away."""

import threading

import pytest

from shared.errors import DatabaseUnavailable, QueueUnavailable
from shared.settings import Settings
from tests.programs import wait_for
from workers.alerting import thread as module
from workers.alerting.calls import CALLS_AT_ONCE
from workers.alerting.keeper import NotOurTurn
from workers.alerting.thread import (
    LONGEST_PAUSE_SECONDS,
    LONGEST_REST_SECONDS,
    RECOVERY_SECONDS,
    REST_FACTOR,
    ROUND_SECONDS,
    SWEEP_SECONDS,
    AlertsThread,
)


class Clock:
    """A clock that stands still unless somebody works or rests."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Keeper:
    """Does what a test tells it, and takes as long."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.looks: list[float] = []
        self.sweeps: list[float] = []
        self.seconds = self.sweep_seconds = 0.0
        self.number = self.published = 0
        self.unpublished = 0
        self.fault: Exception | None = None
        self.sweeping_fault: Exception | None = None
        self.publishing_fault: Exception | None = None
        self.recoveries = 0

    def look(self, _now) -> int:
        self.looks.append(self._clock.now)
        self._clock.now += self.seconds
        if self.fault:
            raise self.fault
        return self.number

    def sweep(self, _now) -> int:
        self.sweeps.append(self._clock.now)
        self._clock.now += self.sweep_seconds
        if self.sweeping_fault:
            raise self.sweeping_fault
        return 0

    def recover(self, _now) -> int:
        self.recoveries += 1
        return 0

    def publish(self) -> int:
        if self.publishing_fault:
            raise self.publishing_fault
        self.published += self.unpublished
        found, self.unpublished = self.unpublished, 0
        return found


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """The clock that the thread goes by."""
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def keeper(clock) -> Keeper:
    """What the thread has do the work."""
    return Keeper(clock)


@pytest.fixture
def turn() -> threading.Event:
    """Whether it is this janitor's turn."""
    return threading.Event()


@pytest.fixture
def thread(keeper, turn, tmp_path) -> AlertsThread:
    """The thread, not started."""
    (tmp_path / "alerts.toml").write_text("")
    settings = Settings(alerts_file=tmp_path / "alerts.toml", redis_url="redis://localhost:1")
    thread = AlertsThread(settings, turn.is_set)
    thread._keeper = keeper
    return thread


def work_for(seconds: float, thread: AlertsThread, clock: Clock) -> None:
    """Have the thread work and rest for so long."""
    until = clock.now + seconds
    while clock.now < until:
        clock.now += thread._work()


def test_it_looks_every_second_and_sweeps_every_ten(thread, keeper, clock):
    """So an alert is raised within two seconds while there is little to do."""
    work_for(3 * SWEEP_SECONDS, thread, clock)
    assert len(keeper.looks) == 3 * SWEEP_SECONDS / ROUND_SECONDS
    assert len(keeper.sweeps) == 3


@pytest.mark.parametrize(("seconds", "rest"), [(0.5, REST_FACTOR * 0.5), (200.0, LONGEST_REST_SECONDS)])
def test_it_rests_from_what_takes_long(seconds, rest, thread, keeper, clock):
    """Some times as long as that took, though never for long."""
    keeper.seconds = seconds
    work_for(5 * (seconds + rest), thread, clock)
    assert keeper.looks[-1] - keeper.looks[-2] == pytest.approx(seconds + rest)


def test_a_backlog_does_not_wait_for_the_next_round(thread, keeper, clock):
    """As long as pieces are full the rest is what the work took, some times over."""
    keeper.seconds, keeper.number = 0.01, CALLS_AT_ONCE
    work_for(1, thread, clock)
    assert keeper.looks[-1] - keeper.looks[-2] == pytest.approx(0.01 * (1 + REST_FACTOR))


def test_looks_do_not_wait_for_large_windows(thread, keeper, clock):
    """While the thread rests from windows that took long it looks at calls every second."""
    keeper.sweep_seconds = 5.0
    work_for(100, thread, clock)
    looks = [at for at in keeper.looks if keeper.sweeps[-2] + 5 <= at < keeper.sweeps[-1]]
    assert len(looks) >= 5 * REST_FACTOR - 1


def test_it_waits_longer_and_longer_while_postgresql_is_away(thread, keeper, clock, caplog):
    """Each failure is told and doubles the pause up to a limit; work that succeeds makes it short again."""
    keeper.fault = DatabaseUnavailable("OperationalError")
    pauses = [thread._work() for _ in range(8)]
    assert pauses[:3] == [ROUND_SECONDS, 2 * ROUND_SECONDS, 4 * ROUND_SECONDS]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    assert caplog.records[0].fields == {"server": "PostgreSQL", "reason": "OperationalError"}
    keeper.fault = None
    thread._work()
    keeper.fault = DatabaseUnavailable("OperationalError")
    clock.now += LONGEST_PAUSE_SECONDS
    assert thread._work() == ROUND_SECONDS


def test_it_judges_on_while_redis_is_away(thread, keeper, clock, caplog):
    """Notices wait, and the log says for what."""
    keeper.publishing_fault = QueueUnavailable("ConnectionError")
    work_for(3 * ROUND_SECONDS, thread, clock)
    assert len(keeper.looks) == 3
    assert {tuple(record.fields.items()) for record in caplog.records} == {
        (("server", "Redis"), ("reason", "ConnectionError"))
    }


@pytest.mark.parametrize("fault", [DatabaseUnavailable("OperationalError"), TypeError("a secret")])
@pytest.mark.parametrize("step", ["fault", "sweeping_fault"])
def test_no_step_keeps_the_others_from_being_tried(step, fault, thread, keeper, clock):
    """While one of them fails, calls and windows are looked at, and notices go out."""
    setattr(keeper, step, fault)
    keeper.unpublished = 3
    work_for(20, thread, clock)
    assert keeper.looks
    assert keeper.sweeps
    assert keeper.published == 3


def test_what_nobody_expects_is_told_once_and_ends_nothing(thread, keeper, clock, caplog):
    """By its class, until all goes well again; it is tried on, with pauses."""
    keeper.fault = TypeError("a secret")
    assert thread._work() == LONGEST_PAUSE_SECONDS
    work_for(5 * LONGEST_PAUSE_SECONDS, thread, clock)
    assert len(keeper.looks) == 6
    assert [(one.getMessage(), one.fields) for one in caplog.records] == [("alerts.failed", {"reason": "TypeError"})]
    keeper.fault = None
    thread._work()
    keeper.fault = TypeError("a secret")
    clock.now += LONGEST_PAUSE_SECONDS
    thread._work()
    assert len(caplog.records) == 2


def test_lost_notices_are_looked_for_once_a_minute(thread, keeper, clock):
    """And not with every look."""
    work_for(3 * RECOVERY_SECONDS, thread, clock)
    assert keeper.recoveries == 3


def test_notices_go_out_at_once(thread, keeper):
    """All that there are, after each look."""
    keeper.unpublished = 250
    thread._work()
    assert keeper.published == 250


def test_another_ones_work_is_no_fault(thread, keeper, caplog):
    """Where another janitor works on alerts, this one looks again after a round and says nothing."""
    keeper.fault = NotOurTurn()
    assert thread._work() == ROUND_SECONDS
    assert caplog.messages == []


def test_it_works_in_its_turn_only(thread, keeper, turn, monkeypatch):
    """Before its turn it does nothing, from then on it works, and it ends when it is told to."""
    monkeypatch.setattr(module, "ROUND_SECONDS", 0.01)
    standing_by = threading.Event()
    monkeypatch.setattr(thread._database, "close", standing_by.set)
    thread.start()
    assert standing_by.wait(5)
    assert keeper.looks == []
    turn.set()
    wait_for(lambda: keeper.looks)
    thread.stop()
    assert not thread._thread.is_alive()
