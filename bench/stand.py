"""The test stand: durable servers, a database with all tables, clean before each run, and child processes."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import psycopg
from psycopg import sql
from redis import Redis

from bench.rounds import BenchError
from earshot.children import Command, Process, end, start, wait_until
from shared.migrations import migrate
from shared.redis_client import connect_redis
from shared.settings import Settings
from tests.servers import EmbeddedServers

ROOT = Path(__file__).parents[1]
SECRET = "bench"  # noqa: S105 - of servers that live for minutes
REDIS_SECONDS = 10.0
READY_SECONDS = 30.0
STOP_SECONDS = 5.0


class Stand:
    """Servers while the context lasts; start it in the main thread. `database` is a connection to look around."""

    def __init__(self) -> None:
        self._servers = EmbeddedServers(durable=True)

    def __enter__(self) -> "Stand":
        self._servers.__enter__()
        try:
            self.redis = connect_redis(self._servers.redis_url, REDIS_SECONDS)
            self.redis.config_set("auto-aof-rewrite-percentage", 0)
            self.database_url = self._servers.create_database("bench")
            migrate(self.database_url)
            self.database = psycopg.connect(self.database_url, autocommit=True, application_name="bench")
            self.database.execute(files("bench.controls").joinpath("sql/tables.sql").read_bytes())
        except BaseException:
            self._servers.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()
        self.redis.close()
        self._servers.__exit__(kind, error, trace)

    @property
    def redis_url(self) -> str:
        """The address of the Valkey."""
        return self._servers.redis_url

    @property
    def settings(self) -> Settings:
        """The settings of our programs, for what the bench does in its own process."""
        return Settings.model_validate(
            {"redis_url": self.redis_url, "database_url": self.database_url, "webhook_secrets": SECRET}
        )

    def clean(self, appendfsync: str = "always") -> None:
        """Empty the servers and let them write down what they have in hand, so that each run begins alike."""
        tables = self.database.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in tables if "migration" not in name)
        self.database.execute(sql.SQL("truncate {}").format(names))
        self.database.execute("checkpoint")
        self.redis.config_set("appendfsync", appendfsync)
        self.redis.flushall()
        self.redis.bgrewriteaof()
        wait_for(lambda: not self._is_rewriting(), READY_SECONDS, "the append-only file was not rewritten")

    @contextmanager
    def program(self, name: str, *arguments: str, **variables: str) -> Iterator[Process]:
        """Run a program of Python or Node until the block ends, and then nothing of it is left."""
        log = self.log_of(name)
        process = start(Command(name, arguments, self._environment(variables), orphan_signal=signal.SIGTERM, log=log))
        try:
            yield process
        finally:
            end([process], signal.SIGTERM, seconds=STOP_SECONDS, wait=wait_until)

    def module(self, name: str, *arguments: str) -> tuple[str, ...]:
        """Write the command that runs a module with this Python."""
        return (sys.executable, "-m", name, *arguments)

    def log_of(self, name: str) -> Path:
        """Name the file that a program's output goes to."""
        return self._servers.directory / "log" / f"{name.replace(' ', '-')}.log"

    def one(self, query: str) -> Any:
        """Ask the database for one value; the queries are constants of the bench."""
        row = self.database.execute(cast("Any", query)).fetchone()
        return row[0] if row else None

    def pid(self, server: str) -> int:
        """Tell the process of `valkey` or `postgres`."""
        return self._servers.pid(server)

    def _is_rewriting(self) -> bool:
        persistence = cast("Mapping[str, Any]", self.redis.info("persistence"))
        return bool(persistence["aof_rewrite_in_progress"] or persistence["aof_rewrite_scheduled"])

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        addresses = {"REDIS_URL": self.redis_url, "DATABASE_URL": self.database_url, "WEBHOOK_SECRETS": SECRET}
        nowhere = {"EARSHOT_DATA_DIR": str(self._servers.directory / "none"), "PYTHONPATH": str(ROOT)}
        return {**kept, **addresses, **nowhere, **variables}


def wait_for(condition: Callable[[], bool], seconds: float, complaint: str, look_seconds: float = 0.01) -> None:
    """Wait until a condition holds. Raises BenchError when it does not within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError(complaint)
        time.sleep(look_seconds)


def connect_again(stand: Stand) -> Redis:
    """Make one more client of the stand's Valkey, for a thread of its own."""
    return connect_redis(stand.redis_url, REDIS_SECONDS)
