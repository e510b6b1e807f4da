"""The stand of the battery: real servers, proxies before them, two databases, and processes that are ready to fork."""

import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.resources import files
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import psycopg
from redis import Redis

from earshot.servers.valkey import Valkey
from shared.migrations import migrate
from tests.faults import programs
from tests.faults.tap import Proxy, Tap
from tests.faults.wire import PostgresWire, RedisWire
from tests.servers import EmbeddedServers

REDIS_DATABASES = 64
LOOK_SECONDS = 0.005
END_SECONDS = 5.0
# Short leases, so that a recovery takes seconds; what they are does not change what must come out.
SHORT = {
    "JOB_TIMEOUT_SECONDS": "2",
    "LEASE_MARGIN_SECONDS": "1",
    "MAINTENANCE_SECONDS": "1",
    "WORKER_TTL_SECONDS": "20",
    "RECOVERY_SECONDS": "5",
}
PRELOADED = ["tests.faults.programs", "bench.controls.rq_jobs", "workers.janitor"]


class RoomyValkey(Valkey):
    """With a database for every point of a round: the points must not see each other's jobs."""

    def _settings(self) -> tuple[tuple[str, str], ...]:
        return (*super()._settings(), ("databases", str(REDIS_DATABASES)))


class Stand:
    """Servers while the context lasts; make it in the main thread.

    Workers write to `database_url`; `serial_url` is for the run without faults that theirs is compared with. The taps
    lie on the way of a worker that is started with `through_proxies`.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.servers = EmbeddedServers(durable=durable)
        self.tap = Tap()
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        self._processes: list[BaseProcess] = []
        self._clients: dict[int, Redis] = {}

    def __enter__(self) -> "Stand":
        self.servers.__enter__()
        try:
            self._make_room()
            self._make_databases()
            self._start_proxies()
        except BaseException:
            self.servers.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            kill(process)
        for proxy in self._proxies:
            proxy.close()
        for client in self._clients.values():
            client.close()
        shutil.rmtree(self._sockets, ignore_errors=True)
        self.servers.__exit__(kind, error, trace)

    @property
    def directory(self) -> Path:
        """Where the servers' data, and the logs of workers, are."""
        return self.servers.directory

    def redis_url(self, number: int = 0, *, through_proxy: bool = False) -> str:
        """Address one of Valkey's databases."""
        path = self._sockets / "valkey.sock" if through_proxy else self._valkey.socket
        return f"unix://{quote(str(path))}?db={number}"

    def redis(self, number: int = 0) -> Redis:
        """Give a client of one of Valkey's databases."""
        if number not in self._clients:
            self._clients[number] = Redis.from_url(self.redis_url(number), socket_timeout=10)
        return self._clients[number]

    def settings(
        self, number: int = 0, changed: Mapping[str, str] | None = None, *, through_proxies: bool = False
    ) -> dict[str, str]:
        """Give the environment of a program."""
        database = self._proxied_database if through_proxies else self.database_url
        addresses = {
            "REDIS_URL": self.redis_url(number, through_proxy=through_proxies),
            "DATABASE_URL": database,
            "EARSHOT_DATA_DIR": str(self.directory / "none"),
        }
        return {**addresses, **SHORT, **(changed or {})}

    def start(self, target: Callable[..., None], environment: Mapping[str, str], *arguments: Any) -> BaseProcess:
        """Fork a process that has all imports done; it ends with us."""
        process = self._context.Process(target=programs.enter, args=(target, dict(environment), self.log, *arguments))
        process.start()
        self._processes = [one for one in self._processes if one.is_alive()] + [process]
        return process

    def log_text(self) -> str:
        """Read what all processes have logged."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def forget_log(self) -> None:
        """Begin a new log."""
        self.log.unlink(missing_ok=True)

    def settle_proxies(self) -> None:
        """Wait until the servers have read all that was sent through the proxies."""
        wait_for(lambda: all(proxy.is_quiet() for proxy in self._proxies), 5)

    def clear(self) -> None:
        """Empty everything."""
        self.redis().flushall()
        for url in (self.database_url, self.serial_url):
            with psycopg.connect(url, autocommit=True) as session:
                names = [name for (name,) in session.execute(_TABLES).fetchall()]
                session.execute(f"truncate {', '.join(names)}")

    def execute(self, statement: str) -> None:
        """Run a statement on the workers' database."""
        with psycopg.connect(self.database_url, autocommit=True) as session:
            session.execute(statement)

    def _make_room(self) -> None:
        small = self.servers._servers["valkey"]
        assert isinstance(small, Valkey)
        self.servers.stop("valkey")
        self._valkey = RoomyValkey(
            small.program, small.directory, small.sockets, small.log, small.lock, durable=small.durable
        )
        self.servers._servers["valkey"] = self._valkey
        self.servers.start("valkey")

    def _make_databases(self) -> None:
        self.log = self.directory / "workers.log"
        template = self.servers.create_database("template_faults")
        migrate(template)
        with psycopg.connect(template, autocommit=True) as session:
            session.execute(files("bench.controls").joinpath("sql/tables.sql").read_bytes())
        self.database_url = self.servers.create_database("faults", "template_faults")
        self.serial_url = self.servers.create_database("serial", "template_faults")

    def _start_proxies(self) -> None:
        # The path of a unix socket has 107 characters at most.
        self._sockets = Path(tempfile.mkdtemp(prefix="earshot-taps-"))
        postgres_socket = Path(str(psycopg.conninfo.conninfo_to_dict(self.database_url)["host"])) / ".s.PGSQL.5432"
        self._proxies = [
            Proxy(self._sockets / "valkey.sock", self._valkey.socket, RedisWire, self.tap),
            Proxy(self._sockets / ".s.PGSQL.5432", postgres_socket, PostgresWire, self.tap),
        ]
        name = self.database_url.rpartition("/")[2]
        self._proxied_database = f"postgresql://earshot@{quote(str(self._sockets), safe='')}:5432/{name}"


_TABLES = "select tablename from pg_tables where schemaname = 'public' and tablename not like '%migration%'"


def kill(process: BaseProcess) -> None:
    """End a process by SIGKILL."""
    if process.is_alive():
        process.kill()
    process.join(END_SECONDS)


def terminate(process: BaseProcess) -> None:
    """End a process in order, or by SIGKILL when it does not."""
    with suppress(ProcessLookupError):
        os.kill(process.pid or 0, signal.SIGTERM)
    process.join(END_SECONDS)
    kill(process)


def wait_for(condition: Callable[[], object], seconds: float, look_seconds: float = LOOK_SECONDS) -> bool:
    """Look until the condition holds, at most so long; tell whether it did."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(look_seconds)
    return True
