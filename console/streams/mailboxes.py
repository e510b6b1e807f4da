"""What waits for one stream: a bounded queue from the thread that reads for all to the one that serves a client."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from console.streams.changes import Change

# Beside it a client may be behind by what the operating system and the server hold for it.
MOST_BYTES = 1024 * 1024


class MailboxClosed(Exception):
    """Nothing more will come; the message says why."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read together. Without a horizon it is not the end of it; `trouble` says why nothing can be read."""

    changes: Sequence[Change] = ()
    horizon: int | None = None
    trouble: str | None = None

    @property
    def size(self) -> int:
        """Count the bytes of its rows."""
        return sum(len(change.row) for change in self.changes)


class Mailbox:
    """Holds batches until they are taken. `horizon` is how far the stream has come with what was taken."""

    def __init__(self, horizon: int, most_bytes: int = MOST_BYTES) -> None:
        self.horizon = horizon
        self._most_bytes = most_bytes
        self._waiting: deque[Batch] = deque()
        self._bytes = 0
        self._trouble = ""
        self._ending = ""
        self._changed = threading.Condition()

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will come."""
        return bool(self._ending)

    def put(self, changes: Sequence[Change], horizon: int | None) -> None:
        """Add changes, or, without any, only move the horizon; what does not fit closes the mailbox."""
        batch = Batch(changes, horizon)
        with self._changed:
            if self._waiting and self._bytes + batch.size > self._most_bytes:
                self._close("too_slow")
            elif changes:
                self._add(batch)
            elif horizon is not None:
                self._go_on(horizon)

    def tell_trouble(self, trouble: str) -> None:
        """Add word of what is wrong, or, without any, of its end; what was told is not told again."""
        with self._changed:
            if trouble != self._trouble:
                self._trouble = trouble
                self._add(Batch(trouble=trouble))

    def take(self, seconds: float) -> Batch | None:
        """Wait for a batch; gives none when the time is over. Raises MailboxClosed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending, seconds)
            if self._ending:
                raise MailboxClosed(self._ending)
            if not self._waiting:
                return None
            batch = self._waiting.popleft()
            self._bytes -= batch.size
            self._move(batch.horizon)
            return batch

    def stay_open(self, seconds: float = 0.0) -> None:
        """Do nothing for a while. Raises MailboxClosed as soon as nothing more will come."""
        with self._changed:
            if self._changed.wait_for(lambda: self._ending, seconds):
                raise MailboxClosed(self._ending)

    def close(self, reason: str) -> None:
        """End the stream; what still waits is dropped, since whoever comes back is told it again."""
        with self._changed:
            self._close(reason)

    def _add(self, batch: Batch) -> None:
        if not self._ending:
            self._waiting.append(batch)
            self._bytes += batch.size
            self._changed.notify()

    def _go_on(self, horizon: int) -> None:
        if not self._waiting:
            self._move(horizon)
        elif self._waiting[-1].trouble is None:
            self._waiting[-1] = Batch(self._waiting[-1].changes, horizon)

    def _move(self, horizon: int | None) -> None:
        self.horizon = max(self.horizon, horizon or 0)

    def _close(self, reason: str) -> None:
        self._ending = self._ending or reason
        self._waiting.clear()
        self._changed.notify_all()
