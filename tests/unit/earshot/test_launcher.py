"""Children that end with whoever started them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from earshot.children import LAUNCHER, Command, kill_session, session_members, start, wait_until
from earshot.cli import main

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

STARTER = """
import os, signal, sys, time
from earshot.children import Command, start
child = start(Command("child", tuple(sys.argv[1:]), os.environ, orphan_signal=signal.SIGTERM))
print(child.pid, flush=True)
time.sleep(600)
"""
FORKING = """
import os, sys, time
from shared.processes import die_with_parent
if os.fork() == 0:
    die_with_parent(grace_seconds=0.2)
    print(os.getpid(), flush=True)
time.sleep(600)
"""
# Starts the launcher as a system without prctl would run it; the launcher's child prints its own number.
WITHOUT_KERNEL = """
import os, subprocess, sys
from earshot import launcher
code = "import sys; from earshot import launcher; launcher.signal_at_death_of = lambda *_: False; "
code += "sys.exit(launcher.main(sys.argv[1:]))"
command = sys.argv[1:] if sys.argv[1] == "sh" else ["sh", "-c", "echo $$; exec " + " ".join(sys.argv[1:])]
sys.exit(subprocess.call([sys.executable, "-c", code, str(os.getpid()), "15", "same", *command]))
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


def kill_starter(code: str, *arguments: str) -> int:
    """Run Python code that prints its child's number, kill it, and give that number."""
    with subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        child = int(starter.stdout.readline())
        assert is_alive(child)
        starter.kill()
    return child


def is_alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_child_ends_with_its_starter() -> None:
    """After SIGKILL of the starter the child is gone, whoever it is."""
    child = kill_starter(STARTER, "sleep", "600")
    assert wait_until(lambda: not is_alive(child), 5)


def test_a_child_whose_starter_is_gone_already_ends() -> None:
    """A starter that dies before the child has asked the kernel is noticed too."""
    stranger = 1 if os.getppid() != 1 else 2
    launched = [sys.executable, "-I", "-S", str(LAUNCHER), str(stranger), str(int(signal.SIGTERM)), "same"]
    assert subprocess.run([*launched, "sleep", "600"], timeout=10, check=False).returncode == -signal.SIGTERM


@pytest.mark.parametrize("preface", ["", DEAF])
def test_a_worker_process_ends_with_its_parent(preface: str) -> None:
    """A forked process that asked to die with its parent does, even when it is deaf to SIGTERM."""
    child = kill_starter(preface + FORKING)
    assert wait_until(lambda: not is_alive(child), 5)


def test_where_the_kernel_does_not_help_the_launcher_stays() -> None:
    """Without a death signal the launcher watches its starter, passes signals on and hands the status through."""
    child = kill_starter(WITHOUT_KERNEL, "sleep", "600")
    assert wait_until(lambda: not is_alive(child), 5)
    run = [sys.executable, "-c", WITHOUT_KERNEL, "sh", "-c", "echo $$; exit 7"]
    assert subprocess.run(run, timeout=10, check=False, capture_output=True).returncode == 7


def test_a_missing_command_says_so() -> None:
    """The launcher's status and line name what could not be started."""
    process = start(Command("none", ("/nonexistent/command",), os.environ))
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 127
    assert b"cannot start /nonexistent/command" in output


def test_a_session_is_killed_whole() -> None:
    """What a child has started goes with it."""
    process = start(Command("shell", ("sh", "-c", "sleep 600 & sleep 600"), os.environ))
    assert wait_until(lambda: len(session_members(process.pid)) == 3, 5)
    kill_session(process)
    assert wait_until(lambda: not session_members(process.pid), 5)
    assert process.stdout is not None
    process.stdout.close()


def test_the_programs_are_imported_when_they_run() -> None:
    """The command's help needs none of the programs' libraries."""
    heavy = "{'flask', 'rq', 'psycopg', 'pydantic', 'granian', 'rich', 'redis'}"
    code = f"import sys, earshot.cli; sys.exit(', '.join({heavy} & set(sys.modules)) or 0)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert {"up", "servers", "migrate", "ingest", "worker", "send"} <= set(main.commands)
