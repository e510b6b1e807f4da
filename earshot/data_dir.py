"""The data directory: what lies where, that we may write there, and that one command at a time uses it."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from earshot.errors import EarshotError

NEEDED_BYTES = 100 * 1024 * 1024  # A fresh PostgreSQL cluster and its first log files take 60 MB.
ENDING_SECONDS = 8.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class DataDir:
    """The places below one data directory; always absolute."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> "DataDir":
        return cls(Path(os.path.abspath(root)))  # noqa: PTH100 - resolve() would follow links the person chose

    @property
    def env(self) -> Path:
        return self.root / "env"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    def create(self) -> None:
        """Make the directory and its parts, closed to others. Raises EarshotError when that is not possible."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for part in (self.valkey, self.logs):
                part.mkdir(mode=0o700, exist_ok=True)
            _check_writable(self.root)
        except OSError as error:
            raise unusable(self.root, error) from error
        if self.root.stat().st_uid != os.geteuid():
            raise EarshotError(f"{self.root} belongs to another account. Run as that one, or use another --data-dir.")
        if not self.postgres.exists() and shutil.disk_usage(self.root).free < NEEDED_BYTES:
            raise full(self.root)

    @contextmanager
    def locked(self) -> Iterator[int]:
        """Hold the directory for this command alone and yield the lock's file descriptor.

        The servers inherit the descriptor, so the lock stays until the last of them has ended, whatever becomes of
        the command. Raises EarshotError, naming the process, when another command holds it.
        """
        try:
            lock = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise unusable(self.root, error) from error
        try:
            _take(lock, self.root)
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
            yield lock
        finally:
            os.close(lock)


def unusable(path: Path, error: OSError) -> EarshotError:
    """Word an error of the file system as what the person can do about it."""
    return EarshotError(f"Cannot write to {path}: {error.strerror}. Name another directory with --data-dir.")


def full(path: Path) -> EarshotError:
    """Word a full disk as what the person can do about it."""
    return EarshotError(
        f"The disk that holds {path} is full: {NEEDED_BYTES >> 20} MB are needed. "
        "Free some space, or name another directory with --data-dir."
    )


def _check_writable(root: Path) -> None:
    probe = root / f".writable-{os.getpid()}"
    probe.write_bytes(b"x")
    probe.unlink()


def _take(lock: int, root: Path) -> None:
    deadline = time.monotonic() + ENDING_SECONDS
    while not _try_lock(lock):
        holder = os.pread(lock, 20, 0).decode(errors="replace")
        if _is_alive(holder):
            raise EarshotError(f"{root} is in use by process {holder}. Stop that one first, or use another --data-dir.")
        if time.monotonic() > deadline:
            raise EarshotError(f"A server of an earlier run is still using {root}. Wait until it has ended, or end it.")
        time.sleep(LOOK_SECONDS)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(holder: str) -> bool:
    if not holder.isdigit():
        return False
    try:
        os.kill(int(holder), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(holder)


def _is_zombie(process: str) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
