"""The one thread that reads what has changed, for all streams, and hands it to their mailboxes."""

import logging
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain

from console.store import Store
from console.streams.board import Board
from console.streams.changes import Change, page_calls, read_calls, read_changes
from console.streams.frames import write_events
from console.streams.horizon import read_horizon
from console.streams.mailboxes import Mailbox
from console.streams.outages import Outage
from console.streams.watches import Watch, Watches
from shared.errors import DatabaseUnavailable
from shared.logs import log

# Of each kind, of a call that is read with others. One of which more was written is read by itself.
MOST_ROWS = 200
# Still more is read by each of its streams, page by page. While an old transaction keeps the horizon back, all that was
# written since is read each time, so this is more than a call writes in a while.
MOST_ROWS_ALONE = 2000
MOST_CALLS = 500
# Between two rounds, so that hints gather.
PAUSE_SECONDS = 0.02
OUTAGE_PAUSE_SECONDS = 1.0
RECENT = timedelta(hours=24)


class Pump:
    """Looks at what is due until it is stopped."""

    def __init__(self, store: Store, watches: Watches, board: Board) -> None:
        self._store, self._watches, self._board = store, watches, board
        self._outage = Outage("PostgreSQL")
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

    def stop(self) -> None:
        """End it, after the read at hand."""
        self._is_stopping.set()
        self._is_woken.set()

    def _idle_seconds(self) -> float:
        due_at = min(self._watches.due_at(), self._board.due_at())
        return min(max(due_at - time.monotonic(), 0.0), threading.TIMEOUT_MAX)

    def _look(self) -> bool:
        now = time.monotonic()
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
                self._deliver(watch, found.by_call[call_id], found.horizon)

    def _tell_of_call(self, call_id: str, watch: Watch) -> None:
        found = read_changes(self._store, {call_id: watch.horizon}, MOST_ROWS_ALONE)
        if found.overflowing:
            _close(watch.mailboxes, "too_much")
        else:
            self._deliver(watch, found.by_call[call_id], found.horizon)

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
        self._deliver(watch, read_calls(self._store, list(hinted), watch.horizon), watch.horizon)

    def _tell_of_all(self) -> None:
        watch = self._board.watch
        horizon = self._board.horizon_before(read_horizon(self._store))
        changes = next(page_calls(self._store, watch.horizon, recently(), MOST_CALLS + 1))
        if len(changes) > MOST_CALLS:
            _close(watch.mailboxes, "too_much")
        self._deliver(watch, changes, horizon)

    def _deliver(self, watch: Watch, changes: Sequence[Change], horizon: int) -> None:
        self._outage.ended()
        events = write_events(watch.news(changes, horizon), horizon)
        # Who has joined while we read gets what it may have read by itself as well; without that it would miss some.
        for mailbox in watch.mailboxes:
            mailbox.put(events, horizon)


def recently() -> datetime:
    """Say since when a call must have begun for a list of all calls to tell of it unasked."""
    return datetime.now(UTC) - RECENT


def _close(mailboxes: Iterable[Mailbox], reason: str) -> None:
    for mailbox in mailboxes:
        mailbox.close(reason)
