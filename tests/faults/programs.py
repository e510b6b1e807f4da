"""What runs in the forked processes: workers that are to be hurt, and those that put things right again."""

import logging
import os
import resource
import signal
import sys
import time
import types
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import rq.utils
from redis import Redis
from redis.exceptions import RedisError
from rq import SimpleWorker

from earshot.cli import main
from shared.logs import configure_logs, log
from shared.processes import signal_at_death_of
from shared.redis_client import connect_redis
from shared.settings import Settings
from workers import program, tasks
from workers.janitor import Janitor
from workers.turns import TurnLost
from workers.worker import StageWorker

VISIT_SECONDS = 0.2


def enter(target: Callable[..., None], environment: Mapping[str, str], output: Path, *arguments: Any) -> None:
    """Become a program: its environment, its log, and an end when the stand ends."""
    signal_at_death_of(os.getppid(), signal.SIGKILL)
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    os.environ.clear()
    os.environ.update({**kept, **environment})
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    target(*arguments)


def work(stage: str, burst: bool) -> None:
    """Run the program `earshot worker`."""

    sys.exit(program.run(Settings(), stage, burst=burst))


def run_command(*words: str) -> None:
    """Run a command of `earshot`."""

    main(list(words), prog_name="earshot")


def visit(stage: str, redis_urls: Sequence[str]) -> None:
    """Work at many Redis databases in turn, with a new worker at each visit, until killed."""

    settings = Settings()
    configure_logs(settings.log_level)
    database = tasks.open_database(settings)
    while True:
        for url in redis_urls:
            redis = connect_redis(url, settings.redis_timeout_seconds)
            try:
                StageWorker(stage, redis, settings, database).work(burst=True, logging_level="CRITICAL")
            except Exception as error:  # noqa: BLE001 - what it is shows in the log, and whether it harms in the rows
                log(logging.ERROR, "visit.failed", reason=type(error).__name__)
            finally:
                redis.close()
        time.sleep(VISIT_SECONDS)


def tidy(redis_urls: Sequence[str], recovery_seconds: int | None = None) -> None:
    """Be the janitor of many Redis databases, until killed; `recovery_seconds` may be less than a setting may be."""
    settings = Settings()
    if recovery_seconds:
        settings = settings.model_copy(update={"recovery_seconds": recovery_seconds})
    configure_logs(settings.log_level)
    janitors = [Janitor(connect_redis(url, settings.redis_timeout_seconds), settings) for url in redis_urls]
    while True:
        for janitor in janitors:
            try:
                janitor.look()
            except (RedisError, TurnLost) as error:
                log(logging.WARNING, "look.failed", reason=type(error).__name__)
        time.sleep(VISIT_SECONDS)


def work_plainly(queue: str, burst: bool) -> None:
    """Run the control arm's worker: RQ's own SimpleWorker, as it comes."""

    with Redis.from_url(os.environ["REDIS_URL"]) as redis:
        SimpleWorker([queue], connection=redis).work(burst=burst, logging_level="CRITICAL")


def visit_plainly(queue: str, redis_urls: Sequence[str]) -> None:
    """Work at many Redis databases in turn with RQ's own worker."""

    while True:
        for url in redis_urls:
            with Redis.from_url(url) as redis, suppress(Exception):
                SimpleWorker([queue], connection=redis).work(burst=True, logging_level="CRITICAL")
        time.sleep(VISIT_SECONDS)


POISONS = ("endless loop", "out of memory", "killed worker")
MEMORY_BYTES = 1 << 30


def work_poisoned(stage: str, kind: str, call_id: str) -> None:
    """Run a worker whose stage comes to grief over one call."""

    process = tasks.PROCESSES[stage]

    def poisoned(connection: Any, events: Sequence[Any]) -> Any:
        if any(event.call_id == call_id for event in events):
            _suffer(kind)
        return process(connection, events)

    tasks.PROCESSES = {**tasks.PROCESSES, stage: poisoned}
    work(stage, False)


def _suffer(kind: str) -> None:
    if kind == "killed worker":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "out of memory":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.RLIM_INFINITY))
        hoard = [bytearray(MEMORY_BYTES // 16) for _ in range(64)]
        del hoard
    while True:
        pass


def work_at_another_time(stage: str, shift_seconds: float) -> None:
    """Run a worker whose clock is wrong."""

    true_time, true_now = time.time, rq.utils.now
    replaced: dict[Any, Any] = {
        true_time: lambda: true_time() + shift_seconds,
        true_now: lambda: true_now() + timedelta(seconds=shift_seconds),
        rq.utils.current_timestamp: lambda: int(true_time() + shift_seconds),
    }
    time.time = replaced[true_time]
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("rq", "workers", "shared"):
            for attribute, value in list(vars(module).items()):
                if callable(value) and isinstance(value, types.FunctionType) and value in replaced:
                    setattr(module, attribute, replaced[value])
    work(stage, False)
