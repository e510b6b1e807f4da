"""Ending a process together with the one that started it, even when that one dies by SIGKILL.

Standard library only: the launcher of `earshot up` runs this without any package.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
LOOK_SECONDS = 0.25


def die_with_parent(parent_pid: int | None = None, *, grace_seconds: float = 3.0) -> None:
    """End this process when its parent has gone: SIGTERM first, SIGALRM after `grace_seconds`.

    Call it once, in the main thread, at the start of a worker process. `parent_pid` is who started it; None asks
    multiprocessing, then the system, which is wrong only if that parent died before the call. Do not fork afterwards:
    the watching thread is not inherited.
    """
    parent = parent_pid or _pid_of_parent()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    watch = threading.Thread(target=_end_when_orphaned, args=(parent, grace_seconds), daemon=True)
    watch.start()


def signal_at_death_of(parent_pid: int, signal_number: signal.Signals) -> bool:
    """Have the kernel send this process a signal when its parent dies; False where the kernel cannot.

    The kernel's "parent" is the thread that started this process, and it forgets the wish when user or group change.
    """
    if _prctl is None:
        return False
    _prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if os.getppid() != parent_pid:  # It died before the kernel was asked.
        os.kill(os.getpid(), signal_number)
    return True


def _pid_of_parent() -> int:
    starter = multiprocessing.parent_process()
    return starter.pid if starter and starter.pid else os.getppid()


def _end_when_orphaned(parent_pid: int, grace_seconds: float) -> None:
    while os.getppid() == parent_pid:
        time.sleep(LOOK_SECONDS)
    # Armed first: a shutdown can get stuck with the interpreter's lock held, and the kernel's timer needs no lock.
    signal.setitimer(signal.ITIMER_REAL, grace_seconds)
    os.kill(os.getpid(), signal.SIGTERM)


def _load_prctl() -> Callable[..., int] | None:
    if sys.platform != "linux":
        return None
    try:
        import ctypes  # noqa: PLC0415 - a Python built without libffi has none
    except ImportError:
        return None
    prctl: Callable[..., int] = ctypes.CDLL(None).prctl
    return prctl


# Loaded with the module: an account that the launcher changes to may be unable to read Python's own files.
_prctl = _load_prctl()
