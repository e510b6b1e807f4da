"""What waits for one stream: a bounded queue from the thread that reads for all to the one that serves a client."""

import threading
from collections import deque

# Beside it a client may be behind by what the operating system and the server hold for it.
MOST_BYTES = 1024 * 1024


class MailboxClosed(Exception):
    """Nothing more will come; the message says why."""


class Mailbox:
    """Holds written events until they are taken. `horizon` is how far the stream has come with what was taken."""

    def __init__(self, horizon: int, most_bytes: int = MOST_BYTES) -> None:
        self.horizon = horizon
        self._most_bytes = most_bytes
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._bytes = 0
        self._ending = ""
        self._changed = threading.Condition()

    def put(self, events: bytes, horizon: int) -> None:
        """Add events, or, without any, only move the horizon; what does not fit closes the mailbox."""
        with self._changed:
            if self._ending:
                return
            if self._waiting and self._bytes + len(events) > self._most_bytes:
                self._close("too_slow")
            elif events:
                self._waiting.append((events, horizon))
                self._bytes += len(events)
                self._changed.notify()
            elif not self._waiting:
                self.horizon = max(self.horizon, horizon)

    def take(self, seconds: float) -> bytes:
        """Wait for events; gives none when the time is over. Raises MailboxClosed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending, seconds)
            if self._ending:
                raise MailboxClosed(self._ending)
            if not self._waiting:
                return b""
            events, horizon = self._waiting.popleft()
            self.horizon = max(self.horizon, horizon)
            self._bytes -= len(events)
            return events

    def stay_open(self, seconds: float = 0.0) -> None:
        """Do nothing for a while. Raises MailboxClosed as soon as nothing more will come."""
        with self._changed:
            if self._changed.wait_for(lambda: self._ending, seconds):
                raise MailboxClosed(self._ending)

    def close(self, reason: str) -> None:
        """End the stream; what still waits is dropped, since whoever comes back is told it again."""
        with self._changed:
            self._close(reason)

    def _close(self, reason: str) -> None:
        self._ending = self._ending or reason
        self._waiting.clear()
        self._changed.notify_all()
