"""Ctrl-C, SIGTERM and SIGHUP as a fact that the loop looks at, so that nothing is torn apart half done."""

import signal
import socket
import time
from types import FrameType, TracebackType

ASKED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAME_WISH_SECONDS = 0.5


class StopSignals:
    """While the context lasts, such a signal is only noted. `fileno` is readable after each, and when a child ends."""

    def __init__(self) -> None:
        self.requested: int | None = None
        self.is_insisted = False
        self._requested_at = 0.0

    def __enter__(self) -> "StopSignals":
        self._reader, self._writer = socket.socketpair()
        self._reader.settimeout(0)
        self._writer.settimeout(0)
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._previous = {number: signal.signal(number, self._note) for number in ASKED_BY}
        self._previous[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _wake_only)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._reader.close()
        self._writer.close()

    def fileno(self) -> int:
        return self._reader.fileno()

    def request(self, signal_number: int) -> None:
        """Ask to stop, as the signal would; a second Ctrl-C insists.

        One right after the first does not: a terminal, `make` and a service manager may each pass on the same wish.
        """
        now = time.monotonic()
        if self.requested is None:
            self.requested, self._requested_at = signal_number, now
        elif signal_number == signal.SIGINT and now > self._requested_at + SAME_WISH_SECONDS:
            self.is_insisted = True

    def drain(self) -> None:
        """Make `fileno` unreadable until the next signal."""
        try:
            while self._reader.recv(4096):
                pass
        except BlockingIOError:
            return

    def _note(self, signal_number: int, _frame: FrameType | None) -> None:
        self.request(signal_number)


def _wake_only(_signal_number: int, _frame: FrameType | None) -> None:
    """Exist: without a handler in Python the wake-up byte is not written."""
