"""All streams of this process: who may open one, what it follows, and how they all end."""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from console.errors import Missing
from console.services import Services
from console.streams.board import Board
from console.streams.changes import ROWS_AT_ONCE, Change, page_calls, page_changes
from console.streams.horizon import read_horizon
from console.streams.listener import Listener
from console.streams.mailboxes import Mailbox
from console.streams.pump import Pump, recently
from console.streams.stream import HEARTBEAT_SECONDS, CatchUp, Stream
from console.streams.watches import DEAF_LOOK_SECONDS, LOOK_SECONDS, Watches
from shared.queries import queries

# Streams that catch up leave half of the store's connections to the pages.
READERS = 4
STOP_SECONDS = 2.0
STATE_SECONDS = 1.0
# Threads for streams that were cut off because their clients do not read: each hangs until its client goes away.
SPARE_STREAMS = 20


class TooManyStreams(Exception):
    """As many are open as CONSOLE_STREAMS allows, or the process is about to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """What a stream follows: where it stands now, how to be told of it, and how to read what was missed."""

    horizon: Callable[[], int]
    join: Callable[[Mailbox], None]
    leave: Callable[[Mailbox], None]
    pages: Callable[[int], Iterator[Sequence[Change]]]
    call_id: str = ""


class Streams:
    """Opens streams; between `start` and `stop` they are told what changes."""

    def __init__(self, services: Services, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> None:
        self._store, self._most = services.store, services.settings.console_streams
        self._heartbeat_seconds = heartbeat_seconds
        self._watches, self._board = Watches(), Board()
        self._pump = Pump(services.store, self._watches, self._board)
        self._listener = Listener(services.redis, self._hint, lose=self._lose_hints, regain=self._regain_hints)
        self._readers = threading.BoundedSemaphore(READERS)
        self._lock = threading.Lock()
        self._open: set[Mailbox] = set()
        self._threads: list[threading.Thread] = []
        self._is_stopping = threading.Event()

    def start(self) -> None:
        """Start the threads: the one that listens, the one that reads, and the one that sees whether that one can."""
        self._threads = [
            threading.Thread(target=run, name=name, daemon=True)
            for name, run in (
                ("streams-listener", self._listener.run),
                ("streams-pump", self._pump.run),
                ("streams-state", self._tell_state),
            )
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End all streams and threads; whoever comes back meanwhile is sent away."""
        with self._lock:
            self._most, ending = 0, list(self._open)
        for mailbox in ending:
            mailbox.close("stopping")
        self._is_stopping.set()
        self._listener.stop()
        self._pump.stop()
        for thread in self._threads:
            thread.join(STOP_SECONDS)

    def follow_call(self, call_id: str, after: int | None) -> Stream:
        """Open a stream of what changes in a call, from a horizon on or from now.

        Raises Missing, TooManyStreams, DatabaseUnavailable.
        """
        source = _Source(
            horizon=partial(self._horizon_of_call, call_id),
            join=partial(self._watches.join, call_id),
            leave=partial(self._watches.leave, call_id),
            pages=lambda since: page_changes(self._store, call_id, since, ROWS_AT_ONCE),
            call_id=call_id,
        )
        return self._follow(source, after)

    def follow_calls(self, after: int | None) -> Stream:
        """Open a stream of all calls that change. Raises TooManyStreams, DatabaseUnavailable."""
        source = _Source(
            horizon=partial(read_horizon, self._store),
            join=self._board.join,
            leave=self._board.leave,
            pages=lambda since: page_calls(self._store, since, recently(), ROWS_AT_ONCE),
        )
        return self._follow(source, after)

    def _follow(self, source: _Source, after: int | None) -> Stream:
        mailbox = self._admit()
        try:
            mailbox.horizon = source.horizon()
        except BaseException:
            self._dismiss(mailbox)
            raise
        # Joined before anything is read, so that nothing falls between what is caught up with and what follows.
        source.join(mailbox)
        self._pump.wake()
        return Stream(
            mailbox,
            partial(self._leave, source, mailbox),
            self._catch_up(source, mailbox.horizon, after),
            call_id=source.call_id,
            heartbeat_seconds=self._heartbeat_seconds,
        )

    def _leave(self, source: _Source, mailbox: Mailbox) -> None:
        source.leave(mailbox)
        self._dismiss(mailbox)

    def _horizon_of_call(self, call_id: str) -> int:
        horizon = read_horizon(self._store)
        if self._store.row(queries("console_calls")["exists"], {"call_id": call_id}) is None:
            raise Missing("there is no call of that id")
        return horizon

    def _catch_up(self, source: _Source, horizon: int, after: int | None) -> tuple[int, CatchUp] | None:
        if after is None:
            return None
        # A place that lies ahead is another database's: all that there is was missed.
        since = after if after <= horizon else 0
        return since, lambda: self._in_turn(source.pages(since))

    def _in_turn(self, pages: Iterator[Sequence[Change]]) -> Iterator[Sequence[Change]]:
        while True:
            with self._readers:
                page = next(pages, None)
            if page is None:
                return
            yield page

    def _admit(self) -> Mailbox:
        with self._lock:
            # One that was closed hangs where its client does not read; of such there are not more than spare threads.
            followed = sum(not mailbox.is_closed for mailbox in self._open)
            if followed >= self._most or len(self._open) >= self._most + SPARE_STREAMS:
                raise TooManyStreams
            mailbox = Mailbox(0)
            self._open.add(mailbox)
        return mailbox

    def _dismiss(self, mailbox: Mailbox) -> None:
        with self._lock:
            self._open.discard(mailbox)

    def _tell_state(self) -> None:
        while not self._is_stopping.wait(STATE_SECONDS):
            trouble = self._pump.trouble()
            with self._lock:
                opened = list(self._open)
            for mailbox in opened:
                mailbox.tell_trouble(trouble)

    def _hint(self, call_ids: Collection[str] | None) -> None:
        self._watches.hint(call_ids)
        self._board.hint(call_ids)
        self._pump.wake()

    def _lose_hints(self) -> None:
        self._watches.look_seconds = self._board.look_seconds = DEAF_LOOK_SECONDS
        self._pump.wake()

    def _regain_hints(self) -> None:
        self._watches.look_seconds = self._board.look_seconds = LOOK_SECONDS
        # What was announced while nobody listened is looked for now.
        self._hint(None)
