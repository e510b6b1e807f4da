"""The janitor's thread that keeps figures while it is the janitor's turn, on a connection of its own.

After each piece of work on calls, or on hours, it rests from that ten times as long, so that both together take less
than a fifth of one connection however much there is to do.
"""

import logging
import threading
import time
from collections.abc import Callable

import psycopg

from shared.database import Database
from shared.errors import BadEvent, RetryLater
from shared.logs import log
from shared.settings import Settings
from workers.figures import FiguresKeeper, NotOurTurn

NAME = "figures"
ROUND_SECONDS = 1.0
REST_FACTOR = 10
LONGEST_PAUSE_SECONDS = 10.0
# Going through everything for the first time may take long, and holds nobody up.
TIMEOUT_SECONDS = 300.0
STOP_SECONDS = 0.5


class FiguresThread:
    """Start it once, and stop it before the process ends."""

    def __init__(self, settings: Settings, is_our_turn: Callable[[], bool]) -> None:
        url = settings.database_url.get_secret_value() if settings.database_url else ""
        self._database = Database(url, TIMEOUT_SECONDS, prepare=settings.prepare_statements)
        keeper = FiguresKeeper(self._database, settings)
        self._calls, self._hours = _Duty(keeper.follow_calls), _Duty(keeper.sum_hours)
        self._is_our_turn = is_our_turn
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=NAME, daemon=True)
        self._pause_seconds = ROUND_SECONDS

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End between two steps; a step that takes longer is left behind, and PostgreSQL undoes it."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._stopping.wait(self._work() if self._is_our_turn() else self._stand_by())
        self._database.close()

    def _work(self) -> float:
        """Do what is due; returns for how many seconds to rest then."""
        started = time.monotonic()
        try:
            calls, hours = self._calls.do_if_due(), self._hours.do_if_due()
        except NotOurTurn:
            return ROUND_SECONDS
        except (RetryLater, BadEvent, psycopg.Error) as error:
            return self._wait_for_database(error)
        self._pause_seconds = ROUND_SECONDS
        now = time.monotonic()
        if calls or hours:
            log(logging.INFO, "figures.refreshed", calls=calls, hours=hours, duration_ms=(now - started) * 1000)
        return max(0.0, min(self._calls.due_at, self._hours.due_at) - now)

    def _stand_by(self) -> float:
        self._database.close()
        return ROUND_SECONDS

    def _wait_for_database(self, error: Exception) -> float:
        reason = str(error) if isinstance(error, RetryLater) else type(error).__name__
        log(logging.WARNING, "janitor.waiting", server="PostgreSQL", reason=reason)
        pause_seconds, self._pause_seconds = self._pause_seconds, min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
        return pause_seconds


class _Duty:
    """Something to do again and again, with rests between; calls do not wait for the rest that large hours need."""

    def __init__(self, work: Callable[[], int]) -> None:
        self._work = work
        self.due_at = 0.0

    def do_if_due(self) -> int:
        """Do a piece of it, if the rest is over; returns how many calls or hours that were."""
        started = time.monotonic()
        if started < self.due_at:
            return 0
        number = self._work()
        now = time.monotonic()
        self.due_at = now + max(REST_FACTOR * (now - started), ROUND_SECONDS)
        return number
