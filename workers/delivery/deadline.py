"""One time limit over everything that is done to deliver a notice, also where the other side sends byte by byte."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# To a socket a limit of 0 is none.
AN_INSTANT = 0.001


class Deadline:
    """A moment after which nobody is waited for."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._ends_at

    def left(self) -> float:
        """Say how many seconds are left. Raises TimeoutError when none are."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    @contextmanager
    def cutting(self, connection: socket.socket) -> Iterator[None]:
        """Break a connection off when the time is up; whoever reads from it then meets its end.

        A limit for each read would not do: a byte now and then keeps all of them.
        """
        left = max(self._ends_at - time.monotonic(), AN_INSTANT)
        # Up to here it had the limit for connecting, which may be a part of ours.
        connection.settimeout(left)
        # TLS takes the socket over under another object; a descriptor of our own stays.
        line = socket.socket(fileno=os.dup(connection.fileno()))
        timer = threading.Timer(left, _break_off, [line])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            line.close()

    def __str__(self) -> str:
        """Write the limit for a person."""
        return f"{self._seconds:g} s"


def _break_off(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
