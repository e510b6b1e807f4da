"""The watch on all calls at once: hints name the calls to read, and every few seconds all recent ones are looked at."""

import threading
from collections.abc import Collection

from console.streams.mailboxes import Mailbox
from console.streams.watches import DEAF_LOOK_SECONDS, Watch

# Every event of every call changes something here, and lists need not move faster.
REST_SECONDS = 0.3
LOOK_REST_SECONDS = 1.0
MOST_HINTS = 1000


class Board:
    """Safe between threads; `watch` is changed by the reading thread alone."""

    def __init__(self) -> None:
        self.look_seconds = DEAF_LOOK_SECONDS
        self.watch = Watch(0)
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._newest_horizon = 0
        self._hinted: set[str] = set()

    def join(self, mailbox: Mailbox) -> None:
        """Have a mailbox filled with the calls that change from the mailbox's horizon on."""
        with self._lock:
            if not self.watch.mailboxes:
                self._newest_horizon = mailbox.horizon
                self._hinted.clear()
            self.watch.join(mailbox)

    def leave(self, mailbox: Mailbox) -> None:
        """Fill it no longer."""
        with self._lock:
            self.watch.leave(mailbox)

    def hint(self, call_ids: Collection[str] | None) -> None:
        """Note that rows of these calls were written, or of any."""
        with self._lock:
            if not self.watch.mailboxes:
                return
            self._hinted.update(call_ids or ())
            if call_ids is None or len(self._hinted) > MOST_HINTS:
                self.watch.is_hinted = True

    def take_hinted(self, now: float) -> Collection[str]:
        """Take the calls that are to be read, if it is time."""
        with self._lock:
            if not self.watch.mailboxes or now < self._read_at + REST_SECONDS:
                return ()
            hinted, self._hinted = self._hinted, set()
            self._read_at = now
        return hinted

    def takes_look(self, now: float) -> bool:
        """Tell whether all recent calls are to be looked at now."""
        with self._lock:
            is_due = bool(self.watch.mailboxes) and self.watch.due_at(self.look_seconds, LOOK_REST_SECONDS) <= now
            if is_due:
                self.watch.is_hinted, self.watch.looked_at = False, now
        return is_due

    def horizon_before(self, horizon: int) -> int:
        """Give the horizon of the look before the one that has just begun.

        A look at all recent calls leaves out the older ones. A hint at one of them may come a moment after it, so that
        calls are told from one look further back.
        """
        before, self._newest_horizon = self._newest_horizon, horizon
        return before

    def due_at(self) -> float:
        """Say when something is to be done next."""
        with self._lock:
            if not self.watch.mailboxes:
                return float("inf")
            hinted_at = self._read_at + REST_SECONDS if self._hinted else float("inf")
            return min(hinted_at, self.watch.due_at(self.look_seconds, LOOK_REST_SECONDS))
