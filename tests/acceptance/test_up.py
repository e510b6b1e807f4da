"""`earshot up` as a person runs it: with small programs of the test's own, and with the real ones."""

import json
import os
import signal
import socket
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from earshot.children import wait_until
from earshot.env_file import read_env
from earshot.procfile import PROJECT_PROCFILE, read_procfile
from earshot.samples import SECOND_CALL, first_call
from tests.commands import PATIENCE_SECONDS, EarshotCommand, free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

UP = "Earshot is up."
# A program that says who it is, starts a child, and does as told by its argument until it is ended.
PROGRAM = """
import os, signal, subprocess, sys, time
if sys.argv[1] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", sys.argv[2]])
print(f"{sys.argv[1]} has {sorted(name for name in os.environ if name in ('PORT', 'WEBHOOK_SECRETS'))}")
if sys.argv[1] == "brief":
    sys.exit(3)
time.sleep(600)
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def console_port() -> int:
    return free_port()


@pytest.fixture
def real_up(directory: Path, port: int, console_port: int) -> Iterator[EarshotCommand]:
    ports = ("--port", str(port), "--console-port", str(console_port))
    with EarshotCommand("up", *ports, directory=directory) as command:
        command.wait_for(UP)
        yield command


def up_with(tmp_path: Path, *kinds: str) -> EarshotCommand:
    """Run `up` with the test's program, once for each kind."""
    (tmp_path / "program.py").write_text(PROGRAM)
    lines = [f"{kind}: {sys.executable} {tmp_path}/program.py {kind} {tmp_path}/data" for kind in kinds]
    (tmp_path / "Procfile").write_text("\n".join(lines))
    return EarshotCommand("up", "--procfile", tmp_path / "Procfile", directory=tmp_path / "data")


def test_lines_carry_the_name_of_their_program(tmp_path: Path) -> None:
    """Each program's output is in one log under its aligned name; without a terminal there is no colour."""
    with up_with(tmp_path, "steady", "other") as command:
        command.wait_for("steady  | steady has ['PORT', 'WEBHOOK_SECRETS']")
        command.wait_for("other   | other has ['PORT', 'WEBHOOK_SECRETS']")
        command.wait_for(UP)
        assert command.end(signal.SIGINT) == 0
        assert "earshot | everything has ended" in command.output
        assert "\x1b" not in command.output


def test_a_program_that_ends_is_started_again_ever_later(tmp_path: Path) -> None:
    """The first restart comes at once; a program that keeps ending is waited with, and what it left is ended."""
    with up_with(tmp_path, "brief", "steady") as command:
        command.wait_for("brief ended with status 3; starting it again\n")
        command.wait_for("brief ended with status 3; starting it again in 0.5 s\n")
        command.wait_for("brief ended with status 3; starting it again in 1 s\n")
        children = [words for words in command.processes().values() if "time.sleep" in words]
        assert len(children) <= 2


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_process_is_left(tmp_path: Path, signal_number: signal.Signals) -> None:
    """However `up` ends, nothing it started stays; of strangers' grandchildren that holds unless it is killed."""
    with up_with(tmp_path, "steady", "other") as command:
        command.wait_for(UP)
        grandchildren = [number for number, words in command.processes().items() if "time.sleep" in words]
        command.end(signal_number)
        forgiven = set(grandchildren) if signal_number == signal.SIGKILL else set()
        assert wait_until(lambda: not set(command.processes()) - forgiven, 10), command.processes()
        for number in forgiven:
            os.kill(number, signal.SIGKILL)


def test_a_second_interrupt_kills(tmp_path: Path) -> None:
    """A program that does not want to end delays the end only until Ctrl-C is pressed again."""
    with up_with(tmp_path, "stubborn") as command:
        command.wait_for(UP)
        command.wait_for("stubborn has")
        command.process.send_signal(signal.SIGINT)
        command.wait_for("stopping")
        assert not wait_until(lambda: command.process.poll() is not None, 1.0)
        assert command.end(signal.SIGINT) == 0
        assert not command.processes()


def test_a_taken_port_is_named_before_anything_starts(directory: Path) -> None:
    """Nothing is made or started when the ingest could not listen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with EarshotCommand("up", "--port", str(port), directory=directory) as command:
            assert command.wait() == 1
            assert f"Port {port} on 127.0.0.1 is taken by another program. Choose another port" in command.output
            assert not directory.exists()


def test_a_failed_migration_ends_everything(tmp_path: Path, port: int) -> None:
    """Without tables no program is started; the reason stands in the log and nothing stays."""
    nowhere = {"DATABASE_URL": f"postgresql://nobody@{str(tmp_path).replace('/', '%2F')}/none"}
    ports = ("--port", str(port), "--console-port", str(free_port()))
    with EarshotCommand("up", *ports, directory=tmp_path / "data", variables=nowhere) as command:
        assert command.wait() == 1
        assert "could not be migrated" in command.output
        assert "Traceback" not in command.output
        assert not command.processes()


def test_the_first_run_shows_rows(real_up: EarshotCommand, directory: Path, port: int, console_port: int) -> None:
    """The sample call goes in over HTTP and its rows and latencies are shown; no secret is."""
    output = real_up.output
    known = read_env(directory / "env")
    assert "8 events posted, their rows arrived" in output
    assert "2474   1000   1184    287       3" in output
    assert f"POST http://127.0.0.1:{port}/webhooks/interactly" in output
    assert f"Console  http://127.0.0.1:{console_port}" in output
    assert known["WEBHOOK_SECRETS"] not in output
    assert known["CONSOLE_TOKENS"] not in output
    assert str(port) == known["PORT"]
    assert not [words for words in real_up.processes().values() if known["WEBHOOK_SECRETS"] in words]


@pytest.mark.slow
def test_every_program_comes_back(real_up: EarshotCommand, directory: Path, port: int) -> None:
    """After SIGKILL of each program, one by one, an event goes the whole way again."""
    for name, words in read_procfile(PROJECT_PROCFILE).items():
        os.kill(real_up.process_of(f"-m {' '.join(words)}"), signal.SIGKILL)
        real_up.wait_for(f"{name} was ended by SIGKILL; starting it again")
    assert wait_until(lambda: _is_ready(port), PATIENCE_SECONDS), real_up.output
    with EarshotCommand("send", SECOND_CALL, directory=directory) as sender:
        assert sender.wait() == 0, sender.output
        assert "queued" in sender.output
    with psycopg.connect(read_env(directory / "env")["DATABASE_URL"], autocommit=True) as session:
        assert wait_until(lambda: _turns_of_second_call(session) == [2289], PATIENCE_SECONDS), real_up.output
    assert real_up.end(signal.SIGTERM) == 0
    assert not real_up.processes()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
def test_the_real_programs_leave_nothing(real_up: EarshotCommand, signal_number: signal.Signals) -> None:
    """Servers, programs and their worker processes end with `up`, also when it is killed."""
    assert len(real_up.processes()) > 10
    real_up.end(signal_number)
    assert wait_until(lambda: not real_up.processes(), 10), real_up.processes()


def test_sent_files_are_answered_for(real_up: EarshotCommand, directory: Path, tmp_path: Path) -> None:
    """`send` counts what was queued, repeated or refused, and fails only for the last."""
    lines = [json.dumps(json.loads(path.read_bytes())) for path in first_call()]
    (tmp_path / "calls.ndjson").write_text("\n".join(lines))
    with EarshotCommand("send", tmp_path / "calls.ndjson", directory=directory) as sender:
        assert sender.wait() == 0, sender.output
        assert "202" in sender.output
    with EarshotCommand("send", SECOND_CALL, "--secret", "wrong", directory=directory) as sender:
        assert sender.wait() == 1
        assert "refused" in sender.output
        assert "401" in sender.output


def test_nothing_to_send_to(directory: Path, port: int) -> None:
    """Where nothing listens, one line says so."""
    directory.mkdir()
    with EarshotCommand("send", SECOND_CALL, directory=directory, variables={"PORT": str(port)}) as sender:
        assert sender.wait() == 1
        assert f"Nothing listens at http://127.0.0.1:{port}/webhooks/interactly." in sender.output
        assert "Traceback" not in sender.output


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _turns_of_second_call(session: psycopg.Connection) -> list[float]:
    call_id = json.loads(SECOND_CALL.read_bytes())["message"]["call"]["id"]
    rows = session.execute("select turn_latency_ms from turns where call_id = %s", (call_id,)).fetchall()
    return [latency for (latency,) in rows]
