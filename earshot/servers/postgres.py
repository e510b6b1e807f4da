"""The embedded PostgreSQL: made once, kept between runs, reachable through its socket only."""

import os
import shutil
import signal
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from earshot.children import Command, kill_session, start, wait_until
from earshot.data_dir import full
from earshot.errors import EarshotError
from earshot.servers.binaries import PostgresPrograms
from earshot.servers.identity import Identity, give
from earshot.servers.logs import is_disk_full, last_lines

USER = "earshot"
PORT = 5432
INITDB_SECONDS = 120
CONNECT_SECONDS = 2
UNSAFE_BUT_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@dataclass(frozen=True)
class Postgres:
    """How the server is made, started and asked. With `durable` false a crash may ruin the data: for tests only."""

    programs: PostgresPrograms
    directory: Path
    sockets: Path
    log: Path
    lock: int
    identity: Identity
    durable: bool = True
    name: str = "postgres"
    variable: str = field(default="DATABASE_URL", init=False)

    @property
    def url(self) -> str:
        return self.url_of(USER)

    def url_of(self, database: str) -> str:
        """Address one database; the port is named so that a PGPORT in somebody's environment does no harm."""
        return f"postgresql://{USER}@{quote(str(self.sockets), safe='')}:{PORT}/{database}"

    def prepare(self) -> None:
        """Make the cluster if there is none and clear what a crash left; takes about a second the first time.

        Raises EarshotError when initdb fails or somebody runs a server of his own on these data.
        """
        if not self.directory.exists():
            self._initialise()
        self._disown_records()
        give(self.directory, self.identity.owner)
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        give(self.sockets, self.identity.owner)

    def command(self) -> Command:
        settings = (word for name, value in self._settings().items() for word in ("-c", f"{name}={value}"))
        return replace(
            self._run_as_owner("postgres", "-D", str(self.directory), *settings),
            stop_signal=signal.SIGINT,  # "Fast" shutdown: open transactions are rolled back, nothing is waited for.
            orphan_signal=signal.SIGINT,
            inherited=(self.lock,),
        )

    def is_ready(self) -> bool:
        """Tell whether the server takes connections, and make our database once it does."""
        import psycopg  # noqa: PLC0415 - slow to import, and no other command of this package needs it

        try:
            with psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=CONNECT_SECONDS) as session:
                known = session.execute("select 1 from pg_database where datname = %s", (USER,)).fetchone()
                if known is None:
                    session.execute("create database earshot")
        except psycopg.OperationalError:
            return False
        return True

    def _settings(self) -> dict[str, str]:
        quoted = str(self.sockets).replace('"', '""')
        return {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{quoted}"',
            "unix_socket_permissions": "0700",
            "cluster_name": "earshot",
            "log_error_verbosity": "terse",  # The details of an error quote whole rows: people's words.
            "log_min_error_statement": "panic",
            **({} if self.durable else UNSAFE_BUT_FAST),
        }

    def _initialise(self) -> None:
        # Renamed when it is complete, so that a full disk or a kill never leaves half a cluster for the next run.
        draft = self.directory.with_name(f"{self.directory.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        give(draft, self.identity.owner)
        # macOS has no C.UTF-8 before its version 15.
        locale = "C.UTF-8" if sys.platform == "linux" else "C"
        settings = ("-N", "--encoding=UTF8", f"--locale={locale}", "-A", "trust", "-U", USER)
        process = start(self._run_as_owner("initdb", "-D", str(draft), *settings))
        wait_until(lambda: process.poll() is not None, INITDB_SECONDS)
        if process.poll() != 0:
            kill_session(process)
            shutil.rmtree(draft, ignore_errors=True)
            if is_disk_full(self.log):
                raise full(self.directory)
            raise EarshotError(f"PostgreSQL's data could not be made:\n{last_lines(self.log)}")
        draft.rename(self.directory)

    def _run_as_owner(self, program: str, *arguments: str) -> Command:
        return Command(
            self.name,
            (str(self.programs.directory / program), *arguments),
            {"PATH": os.defpath, "TZ": "UTC"},
            identity=self.identity.launch,
            log=self.log,
        )

    def _disown_records(self) -> None:
        # We hold the lock that our servers inherit, so none of ours runs; but the number a crash left on record may be
        # a stranger's by now, for which PostgreSQL would refuse to start. Its parent's number it ignores, and still
        # checks that no memory of an earlier server is in use. Elsewhere than on Linux the launcher is its parent.
        for record in (self.directory / "postmaster.pid", self.sockets / f".s.PGSQL.{PORT}.lock"):
            if sys.platform != "linux" or not record.exists():
                continue
            number, *rest = record.read_text().split("\n")
            if _works_in(number, self.directory):
                raise EarshotError(f"A PostgreSQL server that is not ours, process {number}, uses {self.directory}.")
            record.write_text("\n".join([str(os.getpid()), *rest]))


def _works_in(process: str, directory: Path) -> bool:
    try:
        return Path(f"/proc/{process}/cwd").samefile(directory)
    except OSError:
        return False
