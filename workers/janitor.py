"""The program `earshot janitor`: round for round it mends what RQ lost or left, and ends what has been kept for long.

Of several one acts. A server that is away is waited for; what PostgreSQL is needed for has threads of its own, so that
while it is away jobs are recovered all the same.
"""

import logging
import os
import signal
import threading
import time
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

from redis import Redis
from redis.exceptions import RedisError

from shared.database import Database
from shared.logs import configure_logs, log
from shared.redis_client import connect_redis
from shared.settings import Settings
from workers.alerting.thread import NAME as ALERTS
from workers.alerting.thread import AlertsThread
from workers.figures_thread import NAME as FIGURES
from workers.figures_thread import FiguresThread
from workers.outages import POSTGRESQL_FAULTS, Patience
from workers.reconciliation import Reconciler
from workers.retention import delete_receipts, discard_dead_letters
from workers.sweeps import IntermediateSweep, drop_orphans, drop_stale_marks, sweep_leases
from workers.turns import Turn, TurnLost

# RECOVERY_SECONDS is spent so: a quarter until a turn expires whose holder died, one until a stage is a suspect, one
# until it is lost; the last is for the rounds themselves.
ROUNDS_PER_RECOVERY = 4
LOOKS_PER_ROUND = 4
SHORTEST_TURN_SECONDS = 2.0
TIDY_SECONDS = 600.0
RETENTION_SECONDS = 3600.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
FORGETTING = "forgetting"


class Ended(BaseException):
    """The end is wanted; no error of ours, so nothing on the way out catches it."""


def run(settings: Settings) -> int:
    """Act whenever it is this janitor's turn, until SIGTERM or SIGINT; returns the exit status."""
    configure_logs(settings.log_level)
    log(logging.INFO, "janitor.started", recovery_seconds=settings.recovery_seconds)
    with suppress(Ended):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
        _work(settings)
    log(logging.INFO, "janitor.stopped")
    if any(thread.name in (FORGETTING, FIGURES, ALERTS) and thread.is_alive() for thread in threading.enumerate()):
        # The interpreter must not be taken down around a thread that is inside of libpq.
        os._exit(0)
    return 0


def _work(settings: Settings) -> None:
    url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    janitor = Janitor(connect_redis(url, settings.redis_timeout_seconds), settings)
    threads = [of_kind(settings, lambda: janitor.turn.is_ours) for of_kind in (FiguresThread, AlertsThread)]
    for thread in threads:
        thread.start()
    try:
        janitor.work()
    finally:
        janitor.turn.end()
        for thread in threads:
            thread.stop()


def _stop(_number: int, _frame: Any) -> NoReturn:
    raise Ended


class Janitor:
    """What one janitor does in its turn, and when."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._settings = settings
        self._round_seconds = settings.recovery_seconds / ROUNDS_PER_RECOVERY
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._due: dict[str, float] = {}
        self._retention: threading.Thread | None = None
        self.turn = Turn(redis, max(self._round_seconds, SHORTEST_TURN_SECONDS))
        self._begin_turn()

    def work(self) -> NoReturn:
        """Look again and again whose turn it is; an unreachable Redis is waited for."""
        while True:
            try:
                self.look()
            except TurnLost:
                log(logging.INFO, "janitor.standing_by")
            except RedisError as error:
                self._wait_for_redis(error)
            else:
                self._pause_seconds = FIRST_PAUSE_SECONDS
                time.sleep(self._round_seconds / LOOKS_PER_ROUND)

    def look(self) -> None:
        """Take or keep the turn, and do what is due in it. Raises RedisError and TurnLost."""
        was_ours = self.turn.is_ours
        if not self.turn.take():
            return
        if not was_ours:
            log(logging.INFO, "janitor.acting", token=self.turn.token)
            self._begin_turn()
        if self._is_due("round", self._round_seconds):
            started = time.monotonic()
            self._mend()
            # A large backlog is not looked over all the time.
            self._due["round"] = max(self._due["round"], 2 * time.monotonic() - started)
        if self._is_due("retention", RETENTION_SECONDS):
            self._retain()

    def _begin_turn(self) -> None:
        self._due = {}
        self._reconciler = Reconciler(self._redis, self._settings, self.turn.token)
        self._intermediate = IntermediateSweep(self._redis)

    def _is_due(self, name: str, every_seconds: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(name, now):
            return False
        self._due[name] = now + every_seconds
        return True

    def _mend(self) -> None:
        started = time.monotonic()
        done = {
            "abandoned": sweep_leases(self._redis, self._round_seconds),
            "redispatched": self._reconciler.run_round(self._keep_turn),
            "struck": self._intermediate.run_round(),
        }
        if self._is_due("tidying", TIDY_SECONDS):
            done["orphans"] = drop_orphans(self._redis, self.turn.token, self._keep_turn)
            done["marks"] = drop_stale_marks(self._redis)
        if any(done.values()):
            log(logging.WARNING, "janitor.mended", **done, duration_ms=(time.monotonic() - started) * 1000)

    def _keep_turn(self) -> None:
        if self._is_due("turn", self._round_seconds / LOOKS_PER_ROUND):
            self.turn.take()

    def _retain(self) -> None:
        days = self._settings.dead_letter_days
        if days:
            for stage, number in discard_dead_letters(self._redis, days, self._keep_turn):
                log(logging.WARNING, "janitor.discarded", stage=stage, dead_letters=number, days=days)
        self._forget_in_background()

    def _forget_in_background(self) -> None:
        if self._retention is None or not self._retention.is_alive():
            forget = partial(_forget_receipts, self._settings)
            self._retention = threading.Thread(target=forget, name=FORGETTING, daemon=True)
            self._retention.start()

    def _wait_for_redis(self, error: RedisError) -> None:
        log(logging.WARNING, "janitor.waiting", server="Redis", reason=type(error).__name__)
        time.sleep(self._pause_seconds)
        self._pause_seconds = min(self._pause_seconds * 2, LONGEST_PAUSE_SECONDS, self._round_seconds)


def _forget_receipts(settings: Settings) -> None:
    """Delete old receipts; an unreachable PostgreSQL is waited for."""
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    database = Database(url, settings.database_timeout_seconds, prepare=settings.prepare_statements)
    patience = Patience(LONGEST_PAUSE_SECONDS, RETENTION_SECONDS)
    while True:
        try:
            deleted = delete_receipts(database, settings.receipt_days)
        except POSTGRESQL_FAULTS as error:
            time.sleep(patience.pause_after(error))
        else:
            break
        finally:
            database.close()
    if deleted:
        log(logging.INFO, "janitor.forgot", receipts=deleted, days=settings.receipt_days)
