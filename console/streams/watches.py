"""Which calls are watched, and when each is to be looked at: at once after a hint, every few seconds without any.

A watch is shared by all streams of a call, so that a call is read once however many people look at it.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from console.streams.changes import Change
from console.streams.mailboxes import Mailbox
from console.streams.told import Told

# A call that changes all the time is read ten times a second and no more.
REST_SECONDS = 0.1
LOOK_SECONDS = 5.0
# While no hint can come.
DEAF_LOOK_SECONDS = 1.0
# Who was cut off comes back, and is not told all of it again while an old transaction keeps the horizon back.
MOST_LEFT = 50


@dataclass(slots=True, eq=False)
class Watch:
    """Something that is watched. `horizon`: whatever transactions below it wrote has been told.

    While a transaction below them goes on, rows are read again each time, so what was told since is remembered.
    """

    horizon: int
    mailboxes: set[Mailbox] = field(default_factory=set)
    is_hinted: bool = False
    looked_at: float = float("-inf")
    told: Told = field(default_factory=Told, init=False)

    def due_at(self, look_seconds: float, rest_seconds: float = REST_SECONDS) -> float:
        """Say when it is to be looked at next; not at all for nobody."""
        if not self.mailboxes:
            return float("inf")
        return self.looked_at + (rest_seconds if self.is_hinted else look_seconds)

    def join(self, mailbox: Mailbox) -> None:
        """Take a mailbox in. What was told before it came was written before, so it reads that by itself."""
        if not self.mailboxes:
            self.horizon = mailbox.horizon
        self.mailboxes = {*self.mailboxes, mailbox}

    def leave(self, mailbox: Mailbox) -> None:
        """Leave a mailbox out."""
        self.mailboxes = self.mailboxes - {mailbox}

    def deliver(self, changes: Sequence[Change], horizon: int | None = None) -> None:
        """Put what is news into all mailboxes; the end of what was read comes with a horizon, to go on from there."""
        news = self.told.news(changes)
        # Who has joined while we read gets what it may have read by itself as well; without that it would miss some.
        for mailbox in self.mailboxes:
            mailbox.put(news, horizon)
        if horizon is not None and horizon != self.horizon:
            self.told.forget_before(horizon)
            self.horizon = horizon


class Watches:
    """The watched calls. Safe between threads; a watch itself is changed by the reading thread alone."""

    def __init__(self) -> None:
        self.look_seconds = DEAF_LOOK_SECONDS
        self._lock = threading.Lock()
        self._by_call: dict[str, Watch] = {}
        self._left: dict[str, None] = {}

    def join(self, call_id: str, mailbox: Mailbox) -> None:
        """Have a mailbox filled with what changes in a call from the mailbox's horizon on."""
        with self._lock:
            self._left.pop(call_id, None)
            self._by_call.setdefault(call_id, Watch(mailbox.horizon)).join(mailbox)

    def leave(self, call_id: str, mailbox: Mailbox) -> None:
        """Fill it no longer; some calls that nobody watches any more are kept for who comes back."""
        with self._lock:
            watch = self._by_call.get(call_id)
            if not watch:
                return
            watch.leave(mailbox)
            if not watch.mailboxes:
                self._left[call_id] = None
            if len(self._left) > MOST_LEFT:
                oldest = next(iter(self._left))
                del self._left[oldest], self._by_call[oldest]

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
