"""The program `earshot worker STAGE`: a worker, and another one whenever Redis made RQ's give up."""

import logging
import signal
import time
from contextlib import suppress
from typing import Any, NoReturn

from redis.exceptions import RedisError
from rq.exceptions import StopRequested

from shared.database import Database
from shared.logs import configure_logs, log
from shared.redis_client import connect_redis
from shared.settings import Settings
from workers.scoring import open_scorer
from workers.sentiment import STAGE as SENTIMENT
from workers.tasks import open_database
from workers.worker import StageWorker

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0


def run(settings: Settings, queue: str, *, burst: bool = False) -> int:
    """Work on a queue until SIGTERM or SIGINT, or with `burst` until it is empty; returns the exit status.

    RQ's worker ends at a fail-over and at most errors of Redis; a new one then takes up its work. Raises SettingsError
    where the settings name a scorer that is none.
    """
    if queue == SENTIMENT:
        open_scorer(settings)
    configure_logs(settings.log_level)
    log(logging.INFO, "worker.started", stage=queue, burst=burst)
    with suppress(StopRequested):
        _work_until_stopped(settings, queue, open_database(settings), burst=burst)
    log(logging.INFO, "worker.stopped", stage=queue)
    return 0


def _work_until_stopped(settings: Settings, queue: str, database: Database, *, burst: bool) -> None:
    pause_seconds = FIRST_PAUSE_SECONDS
    while True:
        started = time.monotonic()
        _end_by_signals()
        if _work(settings, queue, database, burst=burst):
            return
        _end_by_signals()
        if time.monotonic() - started > LONGEST_PAUSE_SECONDS:
            pause_seconds = FIRST_PAUSE_SECONDS
        log(logging.WARNING, "worker.restarting", stage=queue, pause_ms=pause_seconds * 1000)
        time.sleep(pause_seconds)
        pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)


def _work(settings: Settings, queue: str, database: Database, *, burst: bool) -> bool:
    """Run one of RQ's workers to its end; tells whether that end was wanted."""
    try:
        redis = connect_redis(_redis_url(settings), settings.redis_timeout_seconds)
        worker = StageWorker(queue, redis, settings, database)
        return _work_to_end(worker, burst=burst)
    except RedisError as error:
        log(logging.WARNING, "worker.lost_redis", stage=queue, reason=type(error).__name__)
        return False


def _work_to_end(worker: StageWorker, *, burst: bool) -> bool:
    try:
        worker.work(burst=burst, logging_level="CRITICAL")
    except StopRequested:
        # A signal met it while it was registering, before RQ's own handling begins.
        worker.teardown()
        raise
    return worker.is_stopped


def _redis_url(settings: Settings) -> str:
    return settings.redis_url.get_secret_value() if settings.redis_url else ""


def _end_by_signals() -> None:
    # A worker of RQ's leaves its own handlers behind, which speak to a Redis that may be gone.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)


def _stop(_number: int, _frame: Any) -> NoReturn:
    raise StopRequested
