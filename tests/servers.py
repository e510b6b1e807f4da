"""Real servers for tests: the embedded ones, in a directory of their own, fast instead of durable."""

import shutil
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import psycopg
from psycopg import sql

from earshot.children import Process, end, wait_until
from earshot.data_dir import DataDir
from earshot.servers.embedded import Server, embedded_servers, start_server, start_servers

STOP_SECONDS = 10.0
READY_SECONDS = 20.0


class EmbeddedServers:
    """A Valkey and a PostgreSQL while the context lasts; start it in the main thread, once per session.

    `redis_url` and `database_url` address them. They end with this process, however it ends.
    """

    def __init__(self, *, durable: bool = False, directory: Path | None = None) -> None:
        """Choose servers; in a `directory` of the caller's what they write stays."""
        self._durable = durable
        self._kept = directory
        self._opened = ExitStack()
        self._servers: dict[str, Server] = {}
        self._processes: dict[str, Process] = {}

    def __enter__(self) -> "EmbeddedServers":
        self.directory = self._kept or Path(tempfile.mkdtemp(prefix="earshot-tests-"))
        if not self._kept:
            self._opened.callback(shutil.rmtree, self.directory, ignore_errors=True)
        data_dir = DataDir.at(self.directory)
        data_dir.create()
        lock = self._opened.enter_context(data_dir.locked())
        servers = embedded_servers(data_dir, lock, {}, durable=self._durable)
        self._servers = {server.name: server for server in servers}
        self._opened.callback(self.stop)
        self._processes = start_servers(servers, wait_until)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    @property
    def redis_url(self) -> str:
        return self._servers["valkey"].url

    @property
    def database_url(self) -> str:
        return self._servers["postgres"].url

    def pid(self, name: str) -> int:
        """Tell the process of `valkey` or `postgres`."""
        return self._processes[name].pid

    def stop(self, *names: str, signal_number: signal.Signals | None = None) -> None:
        """End the named servers, or all; by SIGKILL on request, as a crash would."""
        for name in names or tuple(self._processes):
            stop_signal = signal_number or self._servers[name].command().stop_signal
            end([self._processes[name]], stop_signal, seconds=STOP_SECONDS, wait=wait_until)

    def start(self, *names: str) -> None:
        """Start the named servers again on the same data and wait until they answer."""
        for name in names:
            self._processes[name] = start_server(self._servers[name])
            assert wait_until(self._servers[name].is_ready, READY_SECONDS), f"{name} did not come back"

    def create_database(self, name: str, template: str = "template1") -> str:
        """Make a database, a copy of `template` (to which nobody may be connected), and give its URL."""
        make = sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
        self._administer(make)
        return self.database_url.rpartition("/")[0] + f"/{name}"

    def drop_database(self, name: str) -> None:
        """Remove a database, together with whoever is connected to it."""
        self._administer(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def _administer(self, statement: sql.Composed) -> None:
        address = self.database_url.rpartition("/")[0] + "/postgres"
        with psycopg.connect(address, autocommit=True) as session:
            session.execute(statement)
