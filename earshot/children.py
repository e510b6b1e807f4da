"""Starting child processes that cannot outlive us, and ending them with everything they started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launcher.py")
LOOK_SECONDS = 0.02
HAS_PROC = Path("/proc/self/stat").exists()

Process = subprocess.Popen[bytes]
Wait = Callable[[Callable[[], bool], float], bool]


@dataclass(frozen=True)
class Command:
    """One child to start. `orphan_signal` reaches it when we are gone; `identity` is that of launcher.py.

    Without a `log` file its output is a pipe for the caller to read. `inherited` are file descriptors it keeps.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    identity: str = "same"
    log: Path | None = None
    inherited: tuple[int, ...] = ()


def start(command: Command) -> Process:
    """Start a child in a session of its own, so that Ctrl-C in the terminal reaches only us.

    Must be called in the main thread: a child ends with the thread that started it.
    """
    if command.log is None:
        return _launch(command, subprocess.PIPE)
    descriptor = os.open(command.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return _launch(command, descriptor)
    finally:
        os.close(descriptor)


def session_members(session: int) -> list[int]:
    """List the living processes of a child's session; without /proc (macOS) nobody can say, and the list is empty."""
    if not HAS_PROC:
        return []
    numbers = (int(entry) for entry in os.listdir("/proc") if entry.isdigit())  # noqa: PTH208 - names are wanted
    return [number for number in numbers if _is_living_member(number, session)]


def signal_session(session: int, signal_number: signal.Signals) -> None:
    """Send a signal to every process of a child's session that is still there; without /proc to those of its group."""
    with suppress(ProcessLookupError, PermissionError):
        if not HAS_PROC:
            os.killpg(session, signal_number)
    for number in session_members(session):
        with suppress(ProcessLookupError):
            os.kill(number, signal_number)


def end(processes: Iterable[Process], signal_number: signal.Signals, *, seconds: float, wait: Wait) -> None:
    """Ask children to end, wait, and kill what is left of them and of all they have started."""
    asked = list(processes)
    for process in asked:
        process.send_signal(signal_number)
    wait(lambda: all(process.poll() is not None for process in asked), seconds)
    for process in asked:
        kill_session(process)


def kill_session(process: Process) -> None:
    """Kill a child and whatever remains of its session, now."""
    signal_session(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Look until the condition holds, at most so long; tell whether it did."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _launch(command: Command, output: int) -> Process:
    ourselves = (sys.executable, "-I", "-S", str(LAUNCHER))
    directions = (str(os.getpid()), str(int(command.orphan_signal)), command.identity)
    return subprocess.Popen(  # noqa: S603 - the command is ours or the Procfile's
        (*ourselves, *directions, *command.arguments),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(command.environment),
        pass_fds=command.inherited,
        start_new_session=True,
    )


def _is_living_member(number: int, session: int) -> bool:
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # It has ended in the meantime.
        return False
    return fields[0] != "Z" and int(fields[3]) == session
