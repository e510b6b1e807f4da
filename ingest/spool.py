"""Where events wait on this machine's disk while Redis does not take them: in one file, shared by all ingest processes.

What `add` returned from is on disk, whatever happens to the process or the machine afterwards.
"""

import sqlite3
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from ingest.spool_file import NAME, SpoolFile, SpoolUnavailable, name_of
from shared.errors import BadEvent
from shared.event_records import compress, decompress
from shared.publisher import IncomingEvent
from shared.queries import queries
from shared.stages import QUEUES

# What a row takes beside its body and the texts of any length.
ROW_BYTES = 256
# So much is read at a time; at least one event, however large.
BATCH_EVENTS = 200
BATCH_BYTES = 8 * 1024 * 1024

_SQL = queries("spool")


@dataclass(frozen=True, slots=True)
class Row:
    """An event as the file holds it: `stages` joined by commas, `body` compressed, `bytes` what it counts for."""

    event_id: str
    received_at_ms: int
    stages: str
    event_type: str
    call_id: str
    reason: str
    body: bytes
    bytes: int


class SpooledEvent(NamedTuple):
    """An event read from the file; `number` tells its place in the order of arrival."""

    number: int
    event_id: str
    received_at_ms: int
    stages: str
    event_type: str
    call_id: str
    reason: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Depth:
    """How much waits in the spool. `oldest_seconds` is the age of the event that came first, 0 for an empty spool.

    `unreadable` events wait for a person, and count in neither of the others.
    """

    events: int
    bytes: int
    oldest_seconds: float
    unreadable: int


@dataclass(eq=False, slots=True)
class _Waiting:
    """A row whose thread waits until it is on disk; `refusal` is empty then."""

    row: Row
    refusal: str = field(default="undecided", init=False)
    is_decided: bool = field(default=False, init=False)


class Spool:
    """The spool of one directory. Safe to share between threads; a process must have only one of it."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self.directory = directory
        self.max_bytes = max_bytes
        self._file = SpoolFile(directory)
        self._waiting: deque[_Waiting] = deque()
        self._turn = Lock()

    def add(self, event: IncomingEvent) -> None:
        """Keep an event, on disk when this returns; one that is in the spool already stays as it is.

        Threads that come while another one writes are written together by the next: they share one sync of the disk.
        Raises SpoolUnavailable; then nothing was promised.
        """
        waiting = _Waiting(_row_of(event))
        self._waiting.append(waiting)
        with self._turn:
            if not waiting.is_decided:
                self._write_waiting()
        if waiting.refusal:
            raise SpoolUnavailable(waiting.refusal)

    def _write_waiting(self) -> None:
        batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            refusals = self._file.run(lambda connection: self._write(connection, [one.row for one in batch]))
            for waiting, refusal in zip(batch, refusals, strict=True):
                waiting.refusal = refusal
        except SpoolUnavailable as error:
            for waiting in batch:
                waiting.refusal = str(error)
        finally:
            for waiting in batch:
                waiting.is_decided = True

    def _write(self, connection: sqlite3.Connection, rows: Iterable[Row]) -> list[str]:
        used: int = connection.execute(_SQL["read_totals"]).fetchone()[1]
        refusals = []
        for row in rows:
            values = asdict(row)
            is_known = connection.execute(_SQL["find_event"], values).fetchone()
            is_full = not is_known and used + row.bytes > self.max_bytes
            if not is_known and not is_full:
                connection.execute(_SQL["add_event"], values)
                used += row.bytes
            refusals.append("full" if is_full else "")
        return refusals

    def oldest(self) -> list[SpooledEvent]:
        """Read the events to publish next, in the order of arrival; empty when there are none."""
        return self._file.run(_read_batch)

    def remove(self, events: Sequence[SpooledEvent]) -> None:
        """Forget events that were published."""
        if events:
            self._change(events, "remove_event")

    def postpone(self, event: SpooledEvent) -> None:
        """Put an event behind those that were not tried as often."""
        self._change([event], "postpone_event")

    def set_aside(self, event: SpooledEvent) -> None:
        """Take an event that cannot be read out of the way of the others; it is kept for a person."""
        self._change([event], "set_aside_event", "remove_event")

    def depth(self) -> Depth:
        """Tell how much waits. Raises SpoolUnavailable when nothing could be written here either."""
        return self._file.run(_read_depth)

    def shrink(self) -> None:
        """Give space that is not needed any more back to the disk."""
        self._file.shrink()

    def _change(self, events: Sequence[SpooledEvent], *statements: str) -> None:
        # By number and id: when the file was exchanged in the meantime, the number is another event's.
        values = [{"number": event.number, "event_id": event.event_id} for event in events]

        def write(connection: sqlite3.Connection) -> None:
            for statement in statements:
                connection.executemany(_SQL[statement], values)

        self._file.run(write)


def read_event(spooled: SpooledEvent) -> IncomingEvent:
    """Make of a row what was put in. Raises BadEvent when it is damaged, or names a stage that there is not."""
    stages = tuple(spooled.stages.split(","))
    if not set(stages) <= set(QUEUES):
        raise BadEvent("its stages are not known")
    _, event_id, received_at_ms, _, event_type, call_id, reason, body = spooled
    return IncomingEvent(event_id, received_at_ms, stages, decompress(body), event_type, call_id, reason)


def peek(directory: Path) -> Depth | None:
    """Look into the spool of another process without changing anything; None where there is none yet.

    Raises SpoolUnavailable when it cannot be read.
    """
    path = directory / NAME
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return _read_depth(connection)
    except sqlite3.Error as error:
        raise SpoolUnavailable(name_of(error)) from error


def _row_of(event: IncomingEvent) -> Row:
    body = compress(event.body)
    size = ROW_BYTES + len(body) + len(event.call_id.encode()) + len(event.event_type.encode())
    return Row(
        event.event_id,
        event.received_at_ms,
        ",".join(event.stages),
        event.event_type,
        event.call_id,
        event.reason,
        body,
        size,
    )


def _read_batch(connection: sqlite3.Connection) -> list[SpooledEvent]:
    batch: list[SpooledEvent] = []
    size = 0
    with closing(connection.execute(_SQL["read_oldest"])) as rows:
        for row in map(SpooledEvent._make, rows):
            size += len(row.body)
            if batch and (size > BATCH_BYTES or len(batch) == BATCH_EVENTS):
                break
            batch.append(row)
    return batch


def _read_depth(connection: sqlite3.Connection) -> Depth:
    events, size, oldest_ms, unreadable = connection.execute(_SQL["read_totals"]).fetchone()
    oldest_seconds = max(0.0, time.time() - oldest_ms / 1000) if events else 0.0
    return Depth(events, size, oldest_seconds, unreadable)
