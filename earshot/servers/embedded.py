"""Which servers are embedded in this run, and starting them one after the other until they answer."""

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from earshot.children import Command, Process, Wait, end, start, wait_until
from earshot.data_dir import DataDir, full, unusable
from earshot.errors import EarshotError, Stopped
from earshot.servers.binaries import PostgresPrograms, find_postgres, find_valkey
from earshot.servers.identity import Identity, choose_identity, readable_programs
from earshot.servers.logs import is_disk_full, last_lines, rotate
from earshot.servers.postgres import Postgres
from earshot.servers.sockets import make_socket_directory
from earshot.servers.valkey import Valkey

# After a crash PostgreSQL reads its log again and Valkey its file: minutes, when there is much.
READY_SECONDS = 300.0
STOP_SECONDS = 10.0


class Server(Protocol):
    """One embedded server; `variable` names the setting that its `url` belongs in."""

    @property
    def name(self) -> str: ...
    @property
    def variable(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def log(self) -> Path: ...
    def prepare(self) -> None: ...
    def command(self) -> Command: ...
    def is_ready(self) -> bool: ...


def embedded_servers(
    data_dir: DataDir, lock: int, environment: Mapping[str, str], *, durable: bool = True
) -> list[Server]:
    """Choose the servers to embed: each one whose URL the environment does not give.

    Raises EarshotError when a program is missing or PostgreSQL cannot run as this account.
    """
    servers: list[Server] = []
    if not environment.get("REDIS_URL"):
        servers.append(_valkey(data_dir, lock, durable=durable))
    if not environment.get("DATABASE_URL"):
        servers.append(_postgres(data_dir, lock, durable=durable))
    return servers


def start_servers(servers: Sequence[Server], wait: Wait) -> dict[str, Process]:
    """Start the servers and wait until each answers; give their processes by name.

    Raises EarshotError with the end of its log for one that ends or never answers; then none of them runs.
    """
    started: dict[str, Process] = {}
    try:
        for server in servers:
            started[server.name] = start_server(server)
        for server in servers:
            _await(server, started[server.name], wait)
    except (EarshotError, Stopped):
        for server in servers[: len(started)]:
            end([started[server.name]], server.command().stop_signal, seconds=STOP_SECONDS, wait=wait_until)
        raise
    return started


def start_server(server: Server) -> Process:
    """Start one server, without waiting for it; also again after it has died."""
    try:
        rotate(server.log)
        server.prepare()
        return start(server.command())
    except OSError as error:
        raise unusable(server.log.parent.parent, error) from error


def _await(server: Server, process: Process, wait: Wait) -> None:
    wait(lambda: process.poll() is not None or server.is_ready(), READY_SECONDS)
    if process.poll() is not None or not server.is_ready():
        raise _not_started(server)


def _valkey(data_dir: DataDir, lock: int, *, durable: bool) -> Valkey:
    sockets = make_socket_directory(data_dir.root, mode=0o700)
    return Valkey(find_valkey(), data_dir.valkey, sockets, data_dir.logs / "valkey.log", lock, durable)


def _postgres(data_dir: DataDir, lock: int, *, durable: bool) -> Postgres:
    found = find_postgres(_major_of(data_dir.postgres))
    identity = choose_identity()
    sockets = _open_to(identity, data_dir)
    programs = PostgresPrograms(readable_programs(found.directory, data_dir.root, identity), found.major)
    log = data_dir.logs / "postgres.log"
    return Postgres(programs, data_dir.postgres, sockets / "pg", log, lock, identity, durable)


def _open_to(identity: Identity, data_dir: DataDir) -> Path:
    if not identity.is_other_account:
        return make_socket_directory(data_dir.root, mode=0o700)
    # It must pass through our two directories to its own, and can list neither.
    if stat.S_IMODE(data_dir.root.stat().st_mode) == 0o700:  # noqa: PLR2004 - as we make it; others' modes are theirs
        data_dir.root.chmod(0o711)
    return make_socket_directory(data_dir.root, mode=0o711)


def _major_of(directory: Path) -> int | None:
    try:
        return int((directory / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise EarshotError(f"{directory} does not hold PostgreSQL's data ({error}).") from error


def _not_started(server: Server) -> EarshotError:
    if is_disk_full(server.log):
        return full(server.log.parent.parent)
    return EarshotError(f"{server.name} did not start:\n{last_lines(server.log)}")
