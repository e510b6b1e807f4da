"""Where the console is measured: servers with many calls in them, made now or kept, and the program itself."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.arms.earshot import EarshotPipeline
from bench.console_client import Client
from bench.console_rows import Amounts, fill_alerts, fill_figures, generate
from bench.ingests import free_port
from bench.rounds import BenchError
from bench.stand import READY_SECONDS, REDIS_SECONDS, Stand, wait_for
from bench.workload import backlog
from earshot.children import Process
from shared.migrations import migrate
from shared.redis_client import connect_redis
from tests.dead_letters import fail_in_bulk
from tests.servers import EmbeddedServers

TOKEN = "token-of-the-bench"  # noqa: S105 - of a program that lives for minutes
WAITING_CALLS, WAITING_MESSAGES = 50, 20
DEAD_LETTERS = 2000
COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())


class ConsoleStand(Stand):
    """Servers while the context lasts; those in a directory of the caller's are kept, and found again."""

    def __init__(self, directory: Path | None = None) -> None:
        super().__init__()
        self._servers = EmbeddedServers(durable=True, directory=directory)

    def __enter__(self) -> "ConsoleStand":
        self._servers.__enter__()
        try:
            self.redis = connect_redis(self._servers.redis_url, REDIS_SECONDS)
            # The server has made this database.
            self.database_url = self._servers.database_url
            migrate(self.database_url)
            self.database = psycopg.connect(self.database_url, autocommit=True, application_name="bench")
        except BaseException:
            self._servers.__exit__(None, None, None)
            raise
        return self

    def fill(self, amounts: Amounts) -> float:
        """Make the rows, unless they are there; gives the seconds it took. Raises BenchError for half of them."""
        started = time.monotonic()
        if self.one("select to_regclass('generated_sentences') is not null"):
            raise BenchError("the directory holds part of the rows, from a run that was ended: remove it")
        if not self.one("select exists (select from calls)"):
            self._generate(amounts)
            self._fill_queues()
        return time.monotonic() - started

    def newest(self) -> datetime:
        """Tell when the newest call began: the present, as far as the rows go."""
        newest: datetime = self.one("select max(began_at) from calls")
        return newest

    @contextmanager
    def serving(self) -> Iterator[tuple[Process, Client]]:
        """Run the console until the block ends; gives its process and a client of it."""
        port = free_port()
        variables = {"CONSOLE_PORT": str(port), "CONSOLE_TOKENS": TOKEN}
        program = self.program("console", *self.module("earshot", "console"), **variables)
        with program as process, closing(Client(port, TOKEN)) as client:
            wait_for(client.is_answered, READY_SECONDS, "the console does not answer", look_seconds=0.1)
            yield process, client

    def _generate(self, amounts: Amounts) -> None:
        with Progress(*COLUMNS, console=Console(stderr=True)) as progress:
            calls = progress.add_task("calls", total=amounts.calls)
            for done in generate(self.database_url, amounts):
                progress.advance(calls, done)
            fill_alerts(self.database_url, amounts)
            figures = progress.add_task("figures of calls", total=amounts.calls)
            for done in fill_figures(self.database_url):
                progress.advance(figures, done)
            progress.update(progress.add_task("vacuum", total=1), advance=self._vacuum())

    def _vacuum(self) -> int:
        self.database.execute("vacuum (analyze)")
        self.database.execute("checkpoint")
        return 1

    def _fill_queues(self) -> None:
        """Let events wait with no worker to take them, and lie as dead letters."""
        EarshotPipeline(self).publish(backlog(WAITING_CALLS, WAITING_MESSAGES, WAITING_CALLS))
        fail_in_bulk(self.redis, range(DEAD_LETTERS))
