"""Run a stage again over the stored snapshots, so that a new or corrected one is applied to all history.

Calls are taken in key order, some in each transaction, with the locks that live work takes: it may go on beside. What a
rebuild does is safe to interrupt and to repeat. It writes the stage's own tables and touches Redis nowhere.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib import import_module
from itertools import accumulate
from typing import Any

import psycopg
from psycopg import errors, sql

from shared.database import Connection, Database
from shared.envelope import Unroutable, open_envelope
from shared.errors import BadEvent, DatabaseUnavailable, RetryLater
from shared.event_records import StoredEvent, decompress
from shared.events import WebhookEvent, read_event
from shared.queries import queries
from shared.stages import CARRYING_ROUTES, ROUTES, stages_for
from workers.differences import Difference, compare
from workers.figures import mark_calls
from workers.tasks import PROCESSES

CALLS_AT_ONCE = 50
# Of compressed bodies; in memory they are some ten times as large.
BYTES_AT_ONCE = 4 * 1024 * 1024
# Looking through all snapshots for a few of them may take long, and holds nobody up.
READING_SECONDS = 3600
# After a deadlock, a lock that was not had in time, or a fail-over: some seconds, then a person is told.
PAUSES_SECONDS = (0.2, 1.0, 3.0, 10.0)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which snapshots a stage is run over: all, or those received from `since` on and before `until`, of some calls."""

    stage: str
    since: datetime | None = None
    until: datetime | None = None
    call_ids: Sequence[str] | None = None

    def parameters(self) -> dict[str, Any]:
        """Give the parameters that the statements share."""
        return {
            "event_types": sorted(_event_types(self.stage)),
            "since": self.since,
            "until": self.until,
            "call_ids": None if self.call_ids is None else list(self.call_ids),
        }


@dataclass(frozen=True, slots=True)
class Damage:
    """A snapshot that could not be told again, and why, without anything of its contents."""

    call_id: str
    event_type: str
    reason: str


@dataclass(slots=True)
class Outcome:
    """What calls came to: how many, with how many snapshots, which of these are damaged, and how rows differ."""

    calls: int = 0
    snapshots: int = 0
    damaged: list[Damage] = field(default_factory=list)
    tables: dict[str, Difference] = field(default_factory=dict)

    def __add__(self, other: "Outcome") -> "Outcome":
        """Sum the outcomes of different calls."""
        tables = {
            name: self.tables.get(name, Difference()) + other.tables.get(name, Difference())
            for name in {**self.tables, **other.tables}
        }
        return Outcome(
            self.calls + other.calls, self.snapshots + other.snapshots, [*self.damaged, *other.damaged], tables
        )


class Rebuild:
    """One run of a stage over a selection, on two connections: one that writes, and one that sees what others see."""

    def __init__(self, database_url: str, timeout_seconds: float, selection: Selection, *, dry_run: bool) -> None:
        # Without a pipeline: the error of a statement must come out of the savepoint it belongs to.
        self._writer = Database(database_url, timeout_seconds, prepare=False)
        self._onlooker = Database(database_url, READING_SECONDS, prepare=False)
        self._selection = selection
        self._dry_run = dry_run

    def close(self) -> None:
        """Close both connections; what was not committed is undone."""
        self._writer.close()
        self._onlooker.close()

    def count_calls(self) -> int:
        """Count the calls to go through. Raises DatabaseUnavailable."""
        with self._onlooker.transaction() as connection:
            row = connection.execute(queries("rebuild")["count"], self._selection.parameters()).fetchone()
        return row["calls"] if row else 0

    def run(self, calls_at_once: int = CALLS_AT_ONCE) -> Iterator[Outcome]:
        """Go through the calls; gives what some came to, once that is committed, or undone in a dry run.

        Raises DatabaseUnavailable when that lasts: what has been given is done, and the rest is not begun.
        """
        keys = self._read_keys()
        for batch in self._batches(calls_at_once):
            yield self._rebuild_patiently(batch, keys)

    def _read_keys(self) -> dict[str, list[str]]:
        """Read the primary keys of the tables that the stage says it writes."""
        with self._onlooker.transaction() as connection:
            return {table: _key_names(connection, table) for table in tables_of(self._selection.stage)}

    def _batches(self, calls_at_once: int) -> Iterator[list[str]]:
        batch: list[str] = [""]
        while batch := self._next_batch(batch[-1], calls_at_once):
            yield batch

    def _next_batch(self, after: str, most: int) -> list[str]:
        wanted = {**self._selection.parameters(), "after": after, "most": most}
        with self._onlooker.transaction() as connection:
            rows = connection.execute(queries("rebuild")["next_calls"], wanted).fetchall()
        sizes = accumulate(row["bytes"] for row in rows)
        return [
            row["call_id"]
            for place, (row, size) in enumerate(zip(rows, sizes, strict=True))
            if place == 0 or size <= BYTES_AT_ONCE
        ]

    def _rebuild_patiently(self, batch: Sequence[str], keys: Mapping[str, Sequence[str]]) -> Outcome:
        for pause_seconds in PAUSES_SECONDS:
            try:
                return self._rebuild(batch, keys)
            except DatabaseUnavailable:
                time.sleep(pause_seconds)
        return self._rebuild(batch, keys)

    def _rebuild(self, batch: Sequence[str], keys: Mapping[str, Sequence[str]]) -> Outcome:
        events, damaged = self._read(batch)
        outcome = Outcome(len(batch), len(events) + len(damaged), damaged)
        with self._writer.transaction() as connection:
            outcome.damaged += _tell_again(connection, self._selection.stage, events)
            outcome.tables = {table: self._compare(connection, table, names, batch) for table, names in keys.items()}
            mark_calls(connection, list(batch))
            if self._dry_run:
                raise psycopg.Rollback
        return outcome

    def _read(self, batch: Sequence[str]) -> tuple[list[WebhookEvent], list[Damage]]:
        wanted = {**self._selection.parameters(), "batch": list(batch)}
        with self._onlooker.transaction() as connection:
            rows = connection.execute(queries("rebuild")["read_snapshots"], wanted).fetchall()
        events: list[WebhookEvent] = []
        damaged: list[Damage] = []
        for row in rows:
            try:
                events += _read_snapshot(self._selection.stage, row)
            except (BadEvent, Unroutable) as error:
                damaged.append(Damage(row["call_id"], row["event_type"], str(error)))
        return events, damaged

    def _compare(self, connection: Connection, table: str, names: Sequence[str], batch: Sequence[str]) -> Difference:
        """Compare the rows as they are with those that everybody else still sees: the stage's locks keep them so."""
        with self._onlooker.transaction() as others:
            before = _read_rows(others, table, batch)
        return compare(before, _read_rows(connection, table, batch), names)


def tables_of(stage: str) -> Sequence[str]:
    """Name the tables that a stage writes, but for what the pipeline keeps for itself: `TABLES` in its module."""
    tables: Sequence[str] = import_module(f"workers.{stage}").TABLES
    return tables


def _event_types(stage: str) -> set[str]:
    return {event_type for routes in (ROUTES, CARRYING_ROUTES) for event_type in routes if stage in routes[event_type]}


def _key_names(connection: Connection, table: str) -> list[str]:
    return [row["name"] for row in connection.execute(queries("rebuild")["read_keys"], {"table": table})]


def _read_snapshot(stage: str, row: Mapping[str, Any]) -> list[WebhookEvent]:
    """Read a snapshot as an event to be told again; none where it is not for the stage.

    Raises BadEvent or Unroutable where it is damaged.
    """
    body = decompress(row["body"])
    envelope = open_envelope(body)
    if stage not in stages_for(row["event_type"], carries_messages=envelope.carries_messages):
        return []
    received_at_ms = round(row["received_at"].timestamp() * 1000)
    stored = StoredEvent(row["event_id"], row["event_type"], row["call_id"], received_at_ms, envelope.body)
    return [replace(read_event(stored), is_retold=True)]


def _tell_again(connection: Connection, stage: str, events: Sequence[WebhookEvent]) -> list[Damage]:
    """Run the stage on all events, or where that fails on each alone, so that only the culprit is left out."""
    if not events or _fault(connection, stage, events) is None:
        return []
    faults = ((event, _fault(connection, stage, [event])) for event in events)
    return [Damage(event.call_id, event.event_type, fault) for event, fault in faults if fault]


def _fault(connection: Connection, stage: str, events: Sequence[WebhookEvent]) -> str | None:
    """Run the stage; says what was wrong with the events, and then they have left nothing."""
    try:
        with connection.transaction():
            PROCESSES[stage](connection, events)
    except Exception as error:  # whatever a stage makes of odd contents, the others must not suffer
        if _is_the_servers(error):
            raise
        return str(error) if isinstance(error, BadEvent) else type(error).__name__
    return None


def _is_the_servers(error: Exception) -> bool:
    of_the_event = (psycopg.DataError, psycopg.IntegrityError, errors.ProgramLimitExceeded)
    return isinstance(error, psycopg.Error | RetryLater) and not isinstance(error, of_the_event)


def _read_rows(connection: Connection, table: str, batch: Sequence[str]) -> list[str]:
    statement = sql.SQL(queries("rebuild")["read_rows"]).format(table=sql.Identifier(table))
    return [row["row"] for row in connection.execute(statement, {"batch": list(batch)})]
