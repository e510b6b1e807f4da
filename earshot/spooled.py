"""Look for events in the spool of this machine, without changing anything in it."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingest.spool_file import NAME
from shared.queries import queries


@dataclass(frozen=True, slots=True)
class SpooledEvent:
    """An event that waits on this machine's disk; one that is unreadable waits for a person."""

    event_id: str
    event_type: str
    call_id: str
    received_at: datetime
    stages: str
    is_unreadable: bool


def find_spooled(directory: Path, limit: int, *, beginning: str = "", call_id: str | None = None) -> list[SpooledEvent]:
    """Find events by the beginning of their id, or by their call; none where no spool can be read on this machine."""
    path = directory / NAME
    if not path.exists():
        return []
    asked = {"beginning": beginning, "call_id": call_id, "limit": limit}
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute(queries("spooled")["find_events"], asked).fetchall()
    except sqlite3.Error:
        return []
    return [_event(*row) for row in rows]


def _event(  # noqa: PLR0913, PLR0917 - a row
    event_id: str, received_at_ms: int, stages: str, event_type: str, call_id: str, is_unreadable: int
) -> SpooledEvent:
    received_at = datetime.fromtimestamp(received_at_ms / 1000, UTC)
    return SpooledEvent(event_id, event_type, call_id, received_at, stages, bool(is_unreadable))
