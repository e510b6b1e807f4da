"""Run stages with receipts, keep figures of what they stored, and read these: for the tests of figures."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg

from shared.database import Database
from shared.event_records import StoredEvent
from shared.events import read_event
from tests.calls import CALL_ID, assistant, conversation_update, stages_of, user, welcome
from tests.stage_runs import Job
from workers.figures import FiguresKeeper
from workers.receipts import save_receipts
from workers.tasks import PROCESSES

SUMS = ("hourly_calls", "hourly_outcomes", "histograms")
ANOTHER_START = "2026-03-04T23:59:59.900Z"

Figures = dict[str, list[str]]


@contextmanager
def storing(store: Database, stage: str, events: Sequence[StoredEvent]) -> Iterator[psycopg.Connection]:
    """Take a batch through a stage, with receipts as workers leave them; committed when the block ends."""
    with store.transaction() as connection:
        written = PROCESSES[stage](connection, [read_event(event) for event in events])
        save_receipts(connection, stage, events, written)
        yield connection


def run_jobs(store: Database, jobs: Sequence[Job]) -> None:
    """Take batches through their stages one after the other."""
    for stage, events in jobs:
        with storing(store, stage, events):
            pass


def send(store: Database, *events: StoredEvent) -> None:
    """Take events one by one through all their stages."""
    run_jobs(store, [(stage, [event]) for event in events for stage in stages_of(event)])


def keep_up(keeper: FiguresKeeper) -> None:
    """Bring all figures up to date."""
    while any(keeper.run_step()):
        pass


def figures_in(database: psycopg.Connection) -> Figures:
    """Read all figures, but for when they were made."""
    found = {
        table: column(database, f"select to_jsonb({table}) - 'refreshed_at' from {table}")
        for table in ("call_figures", *SUMS)
    }
    for row in found["histograms"]:
        row["counts"] = sorted(zip(row.pop("buckets"), row["counts"], strict=True))
    return {table: sorted(map(str, rows)) for table, rows in found.items()}


def forget(database: psycopg.Connection) -> None:
    """Forget all figures, and how far they had got."""
    tables = ("call_figures", "followers", "stale_calls", "stale_hours", *SUMS)
    database.execute(f"truncate {', '.join(tables)}")


def made_at_once(database: psycopg.Connection, keeper: FiguresKeeper) -> Figures:
    """Make all figures anew from what is stored, and read them."""
    forget(database)
    keep_up(keeper)
    return figures_in(database)


def conversation(call_id: str = CALL_ID, **parts) -> StoredEvent:
    """An event of a call with two turns, one of them answered, and one interruption."""
    messages = [welcome(), user(1, text="Good day"), assistant(1, llm_ms=500), user(2, skipped=["I was"])]
    return conversation_update(messages, call_id=call_id, **parts)


def column(database: psycopg.Connection, query: str) -> list:
    """Read the one column of a query."""
    return [value for (value,) in database.execute(query)]
