"""Run stages on a real database as workers do, and read all that they left there."""

import json
import threading
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

import psycopg

from shared.database import Database
from shared.event_records import StoredEvent
from shared.events import read_event
from shared.stages import QUARANTINE
from tests.calls import stages_of
from workers.rebuilding import Outcome, Rebuild, Selection
from workers.snapshots import unpack
from workers.tasks import PROCESSES

TABLES = (
    *("messages", "message_revisions", "message_metrics", "interruptions", "calls", "call_statuses", "incidents"),
    *("sentiments", "snapshots", "fingerprints"),
)
STAGE_OF_TABLE = {
    "messages": "transcripts",
    "message_metrics": "metrics",
    "interruptions": "interruptions",
    "sentiments": "sentiment",
}
TIMEOUT_SECONDS = 20

Job = tuple[str, Sequence[StoredEvent]]
Rows = dict[str, list[str]]
Known = dict[tuple[str, str, int], list[int]]


class Stages:
    """Stages on one database while the context lasts, with a connection of its own for every thread."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._of_thread = threading.local()
        self._opened: list[Database] = []
        self._team: list[Database] = []

    def __enter__(self) -> "Stages":
        self.session = psycopg.connect(self._url, autocommit=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.session.close()
        for database in self._opened:
            database.close()

    def database(self) -> Database:
        """The connection of this thread."""
        if not hasattr(self._of_thread, "database"):
            self._of_thread.database = self.another_database()
        return self._of_thread.database

    def another_database(self) -> Database:
        """One more connection, as another worker has."""
        self._opened.append(Database(self._url, TIMEOUT_SECONDS))
        return self._opened[-1]

    def run(self, stage: str, *events: StoredEvent) -> int:
        """Take a batch through a stage."""
        return run_on(self.database(), stage, events)

    def run_jobs(self, jobs: Iterable[Job], workers: int = 1) -> None:
        """Take batches through their stages one after the other, by several connections in turn."""
        self._team += [self.another_database() for _ in range(workers - 1 - len(self._team))]
        databases = [self.database(), *self._team]
        for number, (stage, events) in enumerate(jobs):
            run_on(databases[number % workers], stage, events)

    def send(self, *events: StoredEvent) -> None:
        """Take events one by one through all their stages: the serial run."""
        self.run_jobs((stage, [event]) for event in events for stage in stages_of(event))

    def select(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Look into the database."""
        return self.session.execute(query, parameters).fetchall()

    def rows(self, tables: Iterable[str] = TABLES) -> Rows:
        """Read every row of the tables, all columns, as JSON with sorted keys, sorted.

        A row's version is read as the pipeline reads it: that of the newest snapshot, if that holds the row's message.
        """
        found = {table: self.select(f"select to_jsonb({table}) from {table}") for table in tables}
        known = self._known()
        return {
            table: sorted(json.dumps({**row, **_newest_version(known, table, row)}, sort_keys=True) for (row,) in rows)
            for table, rows in found.items()
        }

    def clear(self) -> None:
        """Empty all tables."""
        self.session.execute("set lock_timeout = '10s';" + ";".join(f"delete from {table}" for table in TABLES))

    def _known(self) -> Known:
        rows = self.select("select call_id, stage, version, messages from fingerprints")
        return {
            (call_id, stage, fingerprint): version
            for call_id, stage, version, packed in rows
            for fingerprint in unpack(packed)
        }


def run_on(database: Database, stage: str, events: Sequence[StoredEvent]) -> int:
    """Take a batch through a stage on a connection of the caller's, as `run_stage` does on the process's own."""
    read = events if stage == QUARANTINE else [read_event(event) for event in events]
    with database.transaction() as connection:
        return sum(PROCESSES[stage](connection, read).values())


def rebuild(stages: Stages, stage: str) -> Outcome:
    """Run a stage again over all stored snapshots."""
    run = Rebuild(stages._url, TIMEOUT_SECONDS, Selection(stage), dry_run=False)
    try:
        return sum(run.run(), Outcome())
    finally:
        run.close()


def _newest_version(known: Known, table: str, row: dict[str, Any]) -> dict[str, Any]:
    if table not in STAGE_OF_TABLE:
        return {}
    return {"version": known.get((row["call_id"], STAGE_OF_TABLE[table], row["fingerprint"]), row["version"])}
