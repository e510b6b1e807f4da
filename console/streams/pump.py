"""The one thread that reads what has changed, for all streams, and hands it to their mailboxes."""

import logging
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain

from console.store import Store
from console.streams.board import Board
from console.streams.changes import ROWS_AT_ONCE, Change, page_calls, page_changes, read_calls, read_changes
from console.streams.horizon import read_horizon
from console.streams.mailboxes import Mailbox
from console.streams.outages import Outage
from console.streams.watches import Watch, Watches
from shared.errors import DatabaseUnavailable
from shared.logs import log

# Of each kind, of a call that is read with others. One of which more was written is read by itself, page by page.
MOST_ROWS = 200
# Between two rounds, so that hints gather.
PAUSE_SECONDS = 0.02
OUTAGE_PAUSE_SECONDS = 1.0
# A round that takes longer gets no answer: a server that stands still refuses nobody.
LONGEST_ROUND_SECONDS = 3.0
TROUBLE = "PostgreSQL does not answer"
RECENT = timedelta(hours=24)


class Pump:
    """Looks at what is due until it is stopped."""

    def __init__(self, store: Store, watches: Watches, board: Board) -> None:
        self._store, self._watches, self._board = store, watches, board
        self._outage = Outage("PostgreSQL")
        self._reading_since = float("inf")
        self._is_woken = threading.Event()
        self._is_stopping = threading.Event()

    def run(self) -> None:
        """Work until `stop`."""
        while not self._is_stopping.is_set():
            self._is_woken.wait(self._idle_seconds())
            self._is_woken.clear()
            self._is_stopping.wait(PAUSE_SECONDS if self._look() else OUTAGE_PAUSE_SECONDS)

    def wake(self) -> None:
        """Have it look now at what is due."""
        self._is_woken.set()

    def trouble(self) -> str:
        """Say why nothing new is told at the moment; empty where nothing is wrong."""
        is_stuck = time.monotonic() - self._reading_since > LONGEST_ROUND_SECONDS
        return TROUBLE if is_stuck or self._outage.is_on else ""

    def stop(self) -> None:
        """End it, after the read at hand."""
        self._is_stopping.set()
        self._is_woken.set()

    def _idle_seconds(self) -> float:
        due_at = min(self._watches.due_at(), self._board.due_at())
        return min(max(due_at - time.monotonic(), 0.0), threading.TIMEOUT_MAX)

    def _look(self) -> bool:
        now = self._reading_since = time.monotonic()
        due = self._watches.take_due(now)
        try:
            if due:
                self._look_at_calls(due)
            self._look_at_board(now)
        except DatabaseUnavailable as error:
            self._outage.began(str(error))
            self._watches.hint(due)
            self._board.hint(None)
            return False
        finally:
            self._reading_since = float("inf")
        return True

    def _look_at_calls(self, due: Mapping[str, Watch]) -> None:
        """Read calls together; where that fails for a reason of its own, each alone, so that only the culprit ends."""
        try:
            self._tell_of_calls(due)
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - what one call holds must not end the streams of all others
            if len(due) > 1:
                for call_id, watch in due.items():
                    self._look_at_calls({call_id: watch})
                return
            log(logging.ERROR, "console.unreadable", call_id=next(iter(due)), exception=type(error).__name__)
            _close(chain.from_iterable(watch.mailboxes for watch in due.values()), "unreadable")

    def _tell_of_calls(self, due: Mapping[str, Watch]) -> None:
        horizons = {call_id: watch.horizon for call_id, watch in due.items()}
        found = read_changes(self._store, horizons, MOST_ROWS)
        for call_id, watch in due.items():
            if call_id in found.overflowing:
                self._tell_of_call(call_id, watch)
            else:
                self._deliver(watch, [found.by_call[call_id]], found.horizon)

    def _tell_of_call(self, call_id: str, watch: Watch) -> None:
        horizon = read_horizon(self._store)
        self._deliver(watch, page_changes(self._store, call_id, watch.horizon, ROWS_AT_ONCE), horizon)

    def _look_at_board(self, now: float) -> None:
        hinted: Collection[str] = ()
        try:
            if hinted := self._board.take_hinted(now):
                self._tell_of_hinted(hinted)
            if self._board.takes_look(now):
                self._tell_of_all()
        except DatabaseUnavailable:
            self._board.hint(hinted)
            raise
        except Exception as error:  # noqa: BLE001 - the streams of calls go on
            log(logging.ERROR, "console.unreadable", call_id="", exception=type(error).__name__)
            _close(self._board.watch.mailboxes, "unreadable")

    def _tell_of_hinted(self, hinted: Collection[str]) -> None:
        watch = self._board.watch
        # Calls that nobody hinted at may have changed as well, so the horizon stays.
        self._deliver(watch, [read_calls(self._store, list(hinted), watch.horizon)], watch.horizon)

    def _tell_of_all(self) -> None:
        watch = self._board.watch
        horizon = self._board.horizon_before(read_horizon(self._store))
        self._deliver(watch, page_calls(self._store, watch.horizon, recently(), ROWS_AT_ONCE), horizon)

    def _deliver(self, watch: Watch, pages: Iterable[Sequence[Change]], horizon: int) -> None:
        """Deliver page after page, one behind the reading: only the last may tell the horizon."""
        page: Sequence[Change] = ()
        for following in pages:
            self._outage.ended()
            self._reading_since = time.monotonic()
            watch.deliver(page)
            page = following
        watch.deliver(page, horizon)


def recently() -> datetime:
    """Say since when a call must have begun for a list of all calls to tell of it unasked."""
    return datetime.now(UTC) - RECENT


def _close(mailboxes: Iterable[Mailbox], reason: str) -> None:
    for mailbox in mailboxes:
        mailbox.close(reason)
