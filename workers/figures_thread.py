"""The janitor's thread that keeps figures while it is the janitor's turn, on a connection of its own.

After each piece of work on calls, or on hours, it rests from that ten times as long, though never for long: a small
system's figures are there within seconds, and a large one's take little of the server.
"""

import logging
import time
from collections.abc import Callable

from shared.database import Database
from shared.logs import log
from shared.settings import Settings
from workers.figures import FiguresKeeper, NotOurTurn
from workers.janitor_thread import JanitorThread
from workers.outages import POSTGRESQL_FAULTS, Patience

NAME = "figures"
ROUND_SECONDS = 1.0
REST_FACTOR = 10
LONGEST_REST_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 10.0
LATE_SECONDS = 60.0
# Going through everything for the first time may take long, and holds nobody up.
TIMEOUT_SECONDS = 300.0


class FiguresThread(JanitorThread):
    """Keeps figures."""

    def __init__(self, settings: Settings, is_our_turn: Callable[[], bool]) -> None:
        url = settings.database_url.get_secret_value() if settings.database_url else ""
        database = Database(url, TIMEOUT_SECONDS, prepare=settings.prepare_statements)
        super().__init__(NAME, database, is_our_turn)
        keeper = FiguresKeeper(database, settings)
        self._calls, self._hours = _Duty(keeper.follow_calls), _Duty(keeper.sum_hours)
        self._delay = _Delay(keeper.read_delay)
        self._patience = Patience(ROUND_SECONDS, LONGEST_PAUSE_SECONDS)

    def _work(self) -> float:
        """Do what is due; returns for how many seconds to rest then."""
        started = time.monotonic()
        try:
            calls, hours = self._calls.do_if_due(), self._hours.do_if_due()
            self._delay.tell_if_due()
        except NotOurTurn:
            return ROUND_SECONDS
        except POSTGRESQL_FAULTS as error:
            return self._patience.pause_after(error)
        self._patience.renew()
        now = time.monotonic()
        if calls or hours:
            log(logging.DEBUG, "figures.refreshed", calls=calls, hours=hours, duration_ms=(now - started) * 1000)
        return max(0.0, min(self._calls.due_at, self._hours.due_at) - now)


class _Duty:
    """Something to do again and again, with rests between; calls do not wait for the rest that large hours need."""

    def __init__(self, work: Callable[[], int]) -> None:
        self._work = work
        self._last_seconds = 0.0
        self.due_at = 0.0

    def do_if_due(self) -> int:
        """Do a piece of it, if the rest is over; returns how many calls or hours that were."""
        started = time.monotonic()
        if started < self.due_at:
            return 0
        number = self._work()
        now = time.monotonic()
        self.due_at = now + self._rest_after(now - started)
        return number

    def _rest_after(self, seconds: float) -> float:
        # The shorter of the last two: one that took long alone may have waited for a server that stood still.
        shorter_seconds, self._last_seconds = min(self._last_seconds, seconds), seconds
        return min(max(REST_FACTOR * shorter_seconds, ROUND_SECONDS), LONGEST_REST_SECONDS)


class _Delay:
    """Tells of figures that fall behind, no more often than they may be late."""

    def __init__(self, read_seconds: Callable[[], float]) -> None:
        self._read_seconds = read_seconds
        self._due_at = 0.0

    def tell_if_due(self) -> None:
        """Warn where figures are late."""
        now = time.monotonic()
        if now < self._due_at:
            return
        self._due_at = now + LATE_SECONDS
        delay_seconds = self._read_seconds()
        if delay_seconds > LATE_SECONDS:
            log(logging.WARNING, "figures.behind", seconds=round(delay_seconds))
