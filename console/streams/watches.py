"""Which calls are watched, and when each is to be looked at: at once after a hint, every few seconds without any.

A watch is shared by all streams of a call, so that a call is read once however many people look at it.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from console.streams.changes import Change
from console.streams.mailboxes import Mailbox

# A call that changes all the time is read ten times a second and no more.
REST_SECONDS = 0.1
LOOK_SECONDS = 5.0
# While no hint can come.
DEAF_LOOK_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class Watch:
    """Something that is watched. `horizon`: whatever transactions below it wrote has been told."""

    horizon: int
    mailboxes: set[Mailbox] = field(default_factory=set)
    is_hinted: bool = False
    looked_at: float = float("-inf")
    _told: dict[tuple[str, str], Change] = field(default_factory=dict, init=False)

    def due_at(self, look_seconds: float, rest_seconds: float = REST_SECONDS) -> float:
        """Say when it is to be looked at next."""
        return self.looked_at + (rest_seconds if self.is_hinted else look_seconds)

    def news(self, changes: Iterable[Change], horizon: int) -> list[Change]:
        """Sort out what was told in the same words, and go on from `horizon`.

        While a transaction below them goes on, rows are read again each time.
        """
        news = [change for change in changes if not self._is_told(change)]
        self._told.update({(change.event, change.key): change for change in news})
        self._told = {key: change for key, change in self._told.items() if change.writer >= horizon}
        self.horizon = horizon
        return news

    def _is_told(self, change: Change) -> bool:
        told = self._told.get((change.event, change.key))
        return told is not None and told.row == change.row


class Watches:
    """The watched calls. Safe between threads; a watch itself is changed by the reading thread alone."""

    def __init__(self) -> None:
        self.look_seconds = DEAF_LOOK_SECONDS
        self._lock = threading.Lock()
        self._by_call: dict[str, Watch] = {}

    def join(self, call_id: str, mailbox: Mailbox) -> None:
        """Have a mailbox filled with what changes in a call from the mailbox's horizon on."""
        with self._lock:
            watch = self._by_call.setdefault(call_id, Watch(mailbox.horizon))
            watch.mailboxes = {*watch.mailboxes, mailbox}

    def leave(self, call_id: str, mailbox: Mailbox) -> None:
        """Fill it no longer, and forget the call with its last mailbox."""
        with self._lock:
            watch = self._by_call.get(call_id)
            if watch:
                watch.mailboxes = watch.mailboxes - {mailbox}
                if not watch.mailboxes:
                    del self._by_call[call_id]

    def hint(self, call_ids: Iterable[str] | None) -> None:
        """Note that rows of these calls were written, or of any."""
        with self._lock:
            for call_id in self._by_call if call_ids is None else call_ids:
                if call_id in self._by_call:
                    self._by_call[call_id].is_hinted = True

    def take_due(self, now: float) -> dict[str, Watch]:
        """Take what is to be looked at; a hint that comes from now on asks for another look."""
        with self._lock:
            due = {call_id: watch for call_id, watch in self._by_call.items() if watch.due_at(self.look_seconds) <= now}
            for watch in due.values():
                watch.is_hinted, watch.looked_at = False, now
        return due

    def due_at(self) -> float:
        """Say when something is to be looked at next."""
        with self._lock:
            return min((watch.due_at(self.look_seconds) for watch in self._by_call.values()), default=float("inf"))
