"""The SQLite file of the spool: opened when needed, one transaction at a time on this machine, set aside when corrupt.

A transaction is on disk when it has ended (WAL, synchronous=FULL). A lock beside the file admits one process at a time
to everything, SQLite's checkpoints included, so that a file can be exchanged safely: who opened the old one notices.
"""

import errno
import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypeVar

from shared.errors import RetryLater
from shared.logs import log
from shared.queries import queries

NAME = "spool.db"
# As `make_tables` writes it into the file.
VERSION = 1
LOCK_SECONDS = 3.0
LOOK_SECONDS = 0.002
# SQLITE_CORRUPT and SQLITE_NOTADB, without the details that the higher bits hold.
CORRUPT = {11, 26}
_SETTINGS = ("journal_mode = wal", "synchronous = full", f"journal_size_limit = {16 * 1024 * 1024}")

Identity = tuple[int, int]
Answer = TypeVar("Answer")


class SpoolUnavailable(RetryLater):
    """The spool cannot take an event, or cannot be read; the message says in a word why, such as full or ENOSPC."""


class NoSpool(sqlite3.DatabaseError):
    """The file is SQLite's, but lacks our tables, or has those of another version. Counts as corrupt."""

    sqlite_errorcode = 26
    sqlite_errorname = "NO_SPOOL"


class SpoolFile:
    """The file in one directory. Safe to share between threads; a process must have only one of it at a time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / NAME
        self._turn = Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity | None = None

    def run(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Do some work in one transaction; what it wrote is on disk afterwards. Raises SpoolUnavailable.

        The work is done again, on an empty file, when the file turns out to be corrupt.
        """
        return self._alone(lambda: self._run(work))

    def shrink(self) -> None:
        """Give the space of what was removed back to the disk, where nothing can read it any more."""

        def rewrite() -> None:
            connection = self._open_in_place()
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)")

        self._alone(rewrite)

    def _alone(self, work: Callable[[], Answer]) -> Answer:
        try:
            with self._turn, self._locked():
                return work()
        except (OSError, sqlite3.Error) as error:
            raise SpoolUnavailable(name_of(error)) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _acquire(lock)
            yield
        finally:
            os.close(lock)

    def _run(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        try:
            return self._transact(work)
        except sqlite3.DatabaseError as error:
            if not _is_corrupt(error):
                raise
            self._set_aside(error.sqlite_errorname)
            return self._transact(work)

    def _transact(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        try:
            connection = self._open_in_place()
            connection.execute("begin immediate")
            answer = work(connection)
            connection.execute("commit")
        except BaseException:
            self._close()  # That rolls back, and whatever state a failure left the connection in is gone.
            raise
        return answer

    def _open_in_place(self) -> sqlite3.Connection:
        if self._identity != self._identity_on_disk():
            self._close()
        return self._connection or self._open()

    def _open(self) -> sqlite3.Connection:
        if not self._path.exists():
            self._make()
        self._connection = _connect(self._path)
        self._identity = self._identity_on_disk()
        if self._connection.execute("pragma user_version").fetchone() != (VERSION,):
            raise NoSpool
        return self._connection

    def _make(self) -> None:
        if self._path.with_name(f"{NAME}-wal").exists():
            # Somebody took the file away and left its log, which SQLite would apply to the new one.
            self._set_aside("NO_FILE")
        # Under another name first: whoever looks in from outside never sees it without its tables.
        unfinished = self._path.with_name(f"{NAME}.new")
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_RDWR | os.O_CREAT, 0o600))
        connection = _connect(unfinished)
        connection.executescript(f"begin immediate;\n{queries('spool')['make_tables']}\n;commit;")
        connection.close()
        unfinished.rename(self._path)
        _sync(self.directory)
        _sync(self.directory.parent)

    def _close(self) -> None:
        # SQLite deletes the file's log with its last connection, but not when another file has taken its name.
        connection, self._connection, self._identity = self._connection, None, None
        if connection:
            with suppress(sqlite3.Error):
                connection.close()

    def _identity_on_disk(self) -> Identity | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _set_aside(self, reason: str) -> None:
        name = f"{NAME}.corrupt-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
        for part in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                self._path.with_name(NAME + part).rename(self._path.with_name(name + part))
        _sync(self.directory)
        log(logging.ERROR, "spool.corrupt", reason=reason, file=name)


def _acquire(lock: int) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while not try_lock(lock):
        if time.monotonic() > deadline:
            raise BlockingIOError(errno.EAGAIN, "another process does not let go of the spool")
        time.sleep(LOOK_SECONDS)


def name_of(error: OSError | sqlite3.Error) -> str:
    """Name a failure in one word that holds no path and no content."""
    if isinstance(error, OSError):
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    return getattr(error, "sqlite_errorname", type(error).__name__)


def try_lock(lock: int) -> bool:
    """Lock an open file, unless somebody else has; the lock ends when the file is closed, or its holder dies."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False)
    # A damaged text must not keep the other rows from being read.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    try:
        for setting in _SETTINGS:
            connection.execute(f"pragma {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_corrupt(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in CORRUPT


def _sync(directory: Path) -> None:
    """Have the names in a directory on disk, which syncing a file does not see to."""
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
