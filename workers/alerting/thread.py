"""The janitor's thread that keeps alerts while it is the janitor's turn, on connections of its own.

It looks every second. After a look that took long it rests from it some times as long, though never for long: an alert
is raised within two seconds on a system that has little to do, and takes little of the server of one that has much.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from shared.alerting.rules_file import load_rules
from shared.database import Database
from shared.errors import QueueUnavailable
from shared.logs import log
from shared.redis_client import connect_redis
from shared.settings import Settings
from workers.alerting.calls import CALLS_AT_ONCE
from workers.alerting.keeper import AlertsKeeper, NotOurTurn
from workers.janitor_thread import JanitorThread
from workers.outages import POSTGRESQL_FAULTS, Patience

NAME = "alerts"
ROUND_SECONDS = 1.0
SWEEP_SECONDS = 10.0
RECOVERY_SECONDS = 60.0
REST_FACTOR = 5
LONGEST_REST_SECONDS = 15.0
LONGEST_SWEEP_REST_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 10.0
# A window of a large system is much to look through; whatever takes longer is left out, and told.
TIMEOUT_SECONDS = 60.0


class AlertsThread(JanitorThread):
    """Keeps alerts."""

    def __init__(self, settings: Settings, is_our_turn: Callable[[], bool]) -> None:
        """Read the rules. Raises SettingsError where these, or the channels, are wrong."""
        url = settings.database_url.get_secret_value() if settings.database_url else ""
        redis_url = settings.redis_url.get_secret_value() if settings.redis_url else ""
        database = Database(url, TIMEOUT_SECONDS, prepare=settings.prepare_statements)
        super().__init__(NAME, database, is_our_turn)
        redis = connect_redis(redis_url, settings.redis_timeout_seconds)
        self._keeper = AlertsKeeper(database, redis, settings, load_rules(settings))
        self._looks = Rests(ROUND_SECONDS, LONGEST_REST_SECONDS)
        self._sweeps = Rests(SWEEP_SECONDS, LONGEST_SWEEP_REST_SECONDS)
        self._recoveries = Rests(RECOVERY_SECONDS, RECOVERY_SECONDS)
        self._patience = Patience(ROUND_SECONDS, LONGEST_PAUSE_SECONDS)
        self._told: set[str] = set()

    def _work(self) -> float:
        """Do what is due, each step whatever became of the others; returns for how many seconds to rest then."""
        try:
            faults = [fault for step in (self._look, self._sweep, self._publish) if (fault := _try(step))]
        except NotOurTurn:
            return ROUND_SECONDS
        if faults:
            return self._pause_after(faults)
        self._patience.renew()
        self._told.clear()
        return max(0.0, min(self._looks.due_at, self._sweeps.due_at) - time.monotonic())

    def _look(self) -> None:
        self._looks.do_if_due(self._keep_calls)

    def _sweep(self) -> None:
        self._sweeps.do_if_due(self._keep_lasting)

    def _publish(self) -> None:
        """Send notices on their way, also those whose jobs are gone; without Redis they wait in their table."""
        try:
            self._recoveries.do_if_due(self._recover)
            while self._keeper.publish() and not self._stopping.is_set():
                pass
        except QueueUnavailable as error:
            log(logging.WARNING, "janitor.waiting", server="Redis", reason=str(error))

    def _keep_calls(self) -> bool:
        return self._keeper.look(datetime.now(UTC)) >= CALLS_AT_ONCE

    def _keep_lasting(self) -> bool:
        self._keeper.sweep(datetime.now(UTC))
        return False

    def _recover(self) -> bool:
        self._keeper.recover(datetime.now(UTC))
        return False

    def _pause_after(self, faults: Sequence[Exception]) -> float:
        """Tell of each fault that nobody expects once, until all goes well; PostgreSQL is waited for patiently."""
        unexpected = {type(fault).__name__ for fault in faults if not isinstance(fault, POSTGRESQL_FAULTS)}
        for reason in sorted(unexpected - self._told):
            log(logging.ERROR, "alerts.failed", reason=reason)
        self._told |= unexpected
        waiting = next((fault for fault in faults if isinstance(fault, POSTGRESQL_FAULTS)), None)
        return self._patience.pause_after(waiting) if waiting else LONGEST_PAUSE_SECONDS


def _try(step: Callable[[], None]) -> Exception | None:
    """Do a step; returns what it failed by. Raises NotOurTurn, which is no failure."""
    try:
        step()
    except NotOurTurn:
        raise
    except Exception as error:  # noqa: BLE001 - the thread's envelope: nobody else would keep alerts in its place
        return error
    return None


class Rests:
    """Something done again and again, with rests between: `shortest_seconds`, and longer after what took long."""

    def __init__(self, shortest_seconds: float, longest_seconds: float) -> None:
        self._shortest_seconds, self._longest_seconds = shortest_seconds, longest_seconds
        self._last_seconds = 0.0
        self.due_at = 0.0

    def do_if_due(self, work: Callable[[], bool]) -> None:
        """Do a piece of it, if the rest is over; what tells that it has more to do does not wait for the next round."""
        started = time.monotonic()
        if started < self.due_at:
            return
        has_more = work()
        now = time.monotonic()
        self.due_at = now + self._rest_after(now - started, 0.0 if has_more else self._shortest_seconds)

    def _rest_after(self, seconds: float, least_seconds: float) -> float:
        # The shorter of the last two: one that took long alone may have waited for a server that stood still.
        shorter_seconds, self._last_seconds = min(self._last_seconds, seconds), seconds
        return min(max(REST_FACTOR * shorter_seconds, least_seconds), self._longest_seconds)
