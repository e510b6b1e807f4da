"""Replay or discard what lies dead or in quarantine: in batches, each safe to repeat, the whole run on record.

Of everything that matched when the run began each is dealt with once. What fails anew meanwhile is for the next run.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from shared.database import Database
from shared.filters import DeadLetterFilter, QuarantineFilter
from shared.queries import queries

Action = Literal["replay", "discard"]
Source = Literal["dead_letters", "quarantine"]
Outcome = Literal["running", "done", "interrupted", "failed"]


class Work(Protocol):
    """What a run does, batch by batch, to what matched when it was made."""

    @property
    def action(self) -> Action:
        """What becomes of it."""

    @property
    def source(self) -> Source:
        """Where it lies."""

    @property
    def filter(self) -> DeadLetterFilter | QuarantineFilter:
        """What was asked for."""

    @property
    def matched(self) -> int:
        """How much of it there is."""

    def batches(self) -> Iterator[Sequence[Any]]:
        """Go through it, oldest first."""

    def rehearse(self, batch: Sequence[Any]) -> int:
        """Count what `carry_out` would do now, and change nothing."""

    def carry_out(self, batch: Sequence[Any]) -> int:
        """Do it, and count what was done by this call."""


@dataclass(slots=True)
class Run:
    """How far a run has come. `skipped` is what was no longer there, or still cannot be routed."""

    matched: int
    replayed: int = 0
    skipped: int = 0
    outcome: Outcome = "running"

    @property
    def left(self) -> int:
        """How much was not looked at."""
        return self.matched - self.replayed - self.skipped


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run as it is on record."""

    replay_id: int
    started_at: datetime
    finished_at: datetime | None
    who: str
    action: str
    source: str
    filter: dict[str, Any]
    matched: int
    replayed: int
    skipped: int
    outcome: str


class ReplayRecord:
    """The table `replays`: every run, from its beginning on. All methods raise DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, work: Work, who: str) -> int:
        """Write down that a run begins; returns its id."""
        told = {"who": who, "action": work.action, "source": work.source, "matched": work.matched}
        told["filter"] = json.dumps(work.filter.as_json())
        with self._database.transaction() as connection:
            row = connection.execute(queries("replays")["open"], told).fetchone()
        return int(row["replay_id"]) if row else 0

    def count(self, replay_id: int, run: Run) -> None:
        """Write down how far a run has come."""
        counted = {"replay_id": replay_id, "replayed": run.replayed, "skipped": run.skipped}
        with self._database.transaction() as connection:
            connection.execute(queries("replays")["count"], counted)

    def close(self, replay_id: int, run: Run) -> None:
        """Write down how a run ended."""
        counted = {"replay_id": replay_id, "replayed": run.replayed, "skipped": run.skipped, "outcome": run.outcome}
        with self._database.transaction() as connection:
            connection.execute(queries("replays")["close"], counted)

    def list(self, limit: int) -> list[PastRun]:
        """Tell of the newest runs, newest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(queries("replays")["list"], {"limit": limit}).fetchall()
        return [PastRun(**row) for row in rows]


def rehearse(work: Work) -> int:
    """Count what a run would do now, and change nothing."""
    return sum(map(work.rehearse, work.batches()))


def carry_out(work: Work, record: ReplayRecord, run: Run, who: str, is_stopped: Callable[[], bool]) -> Iterator[Run]:
    """Do the work batch by batch; `run` tells all along how far it has come, and is yielded after each batch.

    Nothing is done unless it can be put on record first. Between two batches `is_stopped` may end the run. Raises
    DatabaseUnavailable and QueueUnavailable; what was done till then is done, and another run does the rest.
    """
    replay_id = record.open(work, who)
    try:
        for batch in work.batches():
            if is_stopped():
                break
            done = work.carry_out(batch)
            run.replayed += done
            run.skipped += len(batch) - done
            record.count(replay_id, run)
            yield run
        run.outcome = "interrupted" if run.left else "done"
    except BaseException:
        run.outcome = "failed"
        raise
    finally:
        record.close(replay_id, run)
