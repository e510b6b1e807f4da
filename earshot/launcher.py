"""Become a command that ends with its starter: `python -I -S launcher.py STARTER_PID SIGNAL IDENTITY COMMAND...`.

`earshot` starts all its children through this script instead of Popen's preexec_fn, which may deadlock. IDENTITY is
`same`, `namespace:UID:GID` (a user namespace in which we are that account) or `account:UID:GID` (give up root for it).
On Linux the process turns into COMMAND; elsewhere it stays as its parent and ends it when the starter has gone.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from shared.processes import signal_at_death_of

CLONE_NEWUSER = 0x10000000
LOOK_SECONDS = 0.25
CANNOT_START = 127


def main(arguments: list[str]) -> int:
    """Run one command; the status is that of the command, or 127 with a line on stderr when it cannot be started."""
    starter_pid, signal_number = int(arguments[0]), signal.Signals(int(arguments[1]))
    command = arguments[3:]
    try:
        _take_identity(arguments[2])
        if not signal_at_death_of(starter_pid, signal_number):
            return _stay_with(command, starter_pid, signal_number)
        _become(command)
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error}\n")
    return CANNOT_START


def _take_identity(identity: str) -> None:
    kind, _, account = identity.partition(":")
    if kind == "same":
        return
    uid, gid = (int(part) for part in account.split(":"))
    if kind == "namespace":
        _enter_user_namespace(uid, gid)
    else:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def _enter_user_namespace(uid: int, gid: int) -> None:
    import ctypes  # noqa: PLC0415 - Linux only

    outer_uid, outer_gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER)")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {outer_gid} 1")


def _become(command: list[str]) -> None:
    for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored_by_python, signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606 - no shell is the point


def _stay_with(command: list[str], starter_pid: int, signal_number: signal.Signals) -> int:
    child = subprocess.Popen(command)  # noqa: S603 - the command is ours or the Procfile's
    for passed_on in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(passed_on, lambda number, _frame: child.send_signal(number))
    while child.poll() is None and os.getppid() == starter_pid:
        time.sleep(LOOK_SECONDS)
    if child.poll() is None:
        child.send_signal(signal_number)
    status = child.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
