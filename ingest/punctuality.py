"""Connections to Redis that keep a deadline: an answer that comes too late for the sender is not waited for.

redis-py knows a limit for each wait; a request makes several of them (connect, greet, send, read, all that again). Here
each wait is given what is left of the time of the thread's request.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import local
from typing import Any

from redis import Connection, Redis, SSLConnection, UnixDomainSocketConnection
from redis.connection import AbstractConnection
from redis.exceptions import TimeoutError  # noqa: A004 - redis names it so


class _Time(local):
    """When the work of this thread must be done, by the monotonic clock."""

    deadline = float("inf")


_time = _Time()


@contextmanager
def until(deadline: float) -> Iterator[None]:
    """Let no command of this thread wait for Redis beyond a deadline (of `time.monotonic`)."""
    outer, _time.deadline = _time.deadline, min(deadline, _time.deadline)
    try:
        yield
    finally:
        _time.deadline = outer


def keep_deadlines(redis: Redis) -> Redis:
    """Have a client that has no connection yet make punctual ones."""
    pool = redis.connection_pool
    pool.connection_class = _PUNCTUAL[pool.connection_class]
    return redis


class _Punctual(AbstractConnection):
    """Limits each wait to what is left. A command that is cut off so fails as one that Redis did not answer in time."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._longest_wait = options["socket_timeout"]

    def _connect(self) -> Any:
        self.socket_connect_timeout = self.socket_timeout = self._seconds_left()
        return super()._connect()  # type: ignore[no-untyped-call, safe-super]  # that of the class it is mixed into

    def send_packed_command(self, *arguments: Any, **options: Any) -> Any:
        """Send what was packed."""
        self._hurry()
        return super().send_packed_command(*arguments, **options)  # type: ignore[no-untyped-call]  # redis-py's

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        """Wait for an answer."""
        self._hurry()
        return super().read_response(*arguments, **options)

    def _hurry(self) -> None:
        if not self._sock:
            return
        left = self._seconds_left()
        # Setting a limit is a call of the system; the one that is set is near enough for all but the latest.
        if not 0.8 * left <= (self._sock.gettimeout() or 0) <= 1.1 * left:
            self._sock.settimeout(left)

    def _seconds_left(self) -> float:
        left = min(_time.deadline - time.monotonic(), self._longest_wait)
        if left <= 0:
            # An answer that is still to come must not be read as that of the next command.
            self.disconnect()  # type: ignore[no-untyped-call]  # redis-py's
            raise TimeoutError("no time is left")
        return float(left)


class _PunctualConnection(_Punctual, Connection):
    """By TCP."""


class _PunctualSSLConnection(_Punctual, SSLConnection):
    """By TLS."""


class _PunctualUnixConnection(_Punctual, UnixDomainSocketConnection):
    """By a socket of this machine."""


_PUNCTUAL: dict[type, type] = {
    Connection: _PunctualConnection,
    SSLConnection: _PunctualSSLConnection,
    UnixDomainSocketConnection: _PunctualUnixConnection,
}
