"""One client's stream: what it missed, then what changes, with a sign of life when there is nothing to tell."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence

from console.streams.changes import Change
from console.streams.frames import HEARTBEAT, write_events, write_heartbeat, write_opening, write_state
from console.streams.mailboxes import Mailbox, MailboxClosed
from console.streams.told import Told
from shared.errors import DatabaseUnavailable
from shared.logs import log

HEARTBEAT_SECONDS = 10.0
OUTAGE_PAUSE_SECONDS = 1.0
# Then the client comes back, and is asked again who it is: whoever was logged out meanwhile hears no more.
LONGEST_SECONDS = 15 * 60.0
# Of so many rows it is known what was told last: more than a long call has, or change between two looks.
MOST_TOLD = 5000
# The server holds a dozen pieces, of whatever size, for a client that does not take them.
PIECE_BYTES = 16 * 1024

# Reads from the beginning, each time it is called, what the client missed.
CatchUp = Callable[[], Iterator[Sequence[Change]]]


class Stream:
    """Gives bytes to send until it is closed from either side. `leave` is called once, when it has ended.

    `catch_up` is from where on something was missed, and what reads it; None begins now.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        leave: Callable[[], None],
        catch_up: tuple[int, CatchUp] | None,
        *,
        call_id: str = "",
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._mailbox, self._leave, self._catch_up = mailbox, leave, catch_up
        self._call_id = call_id
        self._heartbeat_seconds = heartbeat_seconds
        self._outcome = "left"
        self._is_over = False
        self._told = Told(MOST_TOLD)
        self._started = time.monotonic()
        self._ends_at = self._started + LONGEST_SECONDS

    def __iter__(self) -> Iterator[bytes]:
        """Give what is to be sent, in small pieces; waits in between."""
        for written in self._written():
            for start in range(0, len(written), PIECE_BYTES):
                yield written[start : start + PIECE_BYTES]

    def close(self) -> None:
        """End it, on the side of whoever sends; safe to repeat."""
        if self._is_over:
            return
        self._is_over = True
        self._mailbox.close(self._outcome)
        self._leave()
        milliseconds = (time.monotonic() - self._started) * 1000
        log(logging.INFO, "console.streamed", call_id=self._call_id, outcome=self._outcome, duration_ms=milliseconds)

    def _written(self) -> Iterator[bytes]:
        try:
            if self._catch_up:
                yield write_opening(self._catch_up[0])
                yield from self._missed(self._catch_up[1])
            else:
                yield write_opening(self._mailbox.horizon)
            while (left_seconds := self._ends_at - time.monotonic()) > 0:
                yield self._follow(min(self._heartbeat_seconds, left_seconds))
            self._outcome = "renewed"
        except MailboxClosed as ending:
            self._outcome = str(ending)

    def _follow(self, seconds: float) -> bytes:
        """Write what comes next; a sign of life where nothing does, or nothing that was not told before."""
        batch = self._mailbox.take(seconds)
        if batch and batch.trouble is not None:
            return write_state(batch.trouble)
        news = self._told.news(batch.changes) if batch else ()
        if batch and batch.horizon is None:
            return write_events(news) or HEARTBEAT
        return write_events(news, self._mailbox.horizon) or write_heartbeat(self._mailbox.horizon)

    def _missed(self, catch_up: CatchUp) -> Iterator[bytes]:
        # All of it was written below this, or will come by the mailbox as well.
        horizon = self._mailbox.horizon
        while True:
            try:
                yield from self._pages(catch_up, horizon)
            except DatabaseUnavailable:
                yield HEARTBEAT
                self._mailbox.stay_open(OUTAGE_PAUSE_SECONDS)
            else:
                return

    def _pages(self, catch_up: CatchUp, horizon: int) -> Iterator[bytes]:
        """Write page after page, one behind the reading: only the last may tell the horizon."""
        page: Sequence[Change] = ()
        for following in filter(None, catch_up()):
            self._mailbox.stay_open()
            if events := write_events(self._told.news(page)):
                yield events
            page = following
        yield write_events(self._told.news(page), horizon) or write_heartbeat(horizon)
