"""Rows as many calls leave them behind, made by the database itself, the same for the same amounts."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import md5
from importlib.resources import files
from typing import Any, cast
from uuid import UUID

import psycopg

from shared.database import Database
from shared.settings import Settings
from workers.figures import FiguresKeeper

CALLS_AT_ONCE = 1000
SESSIONS = 2
# A day is summed up once and not again with each of its hours.
HOURS_AT_ONCE, FIGURES_SECONDS = 24, 300
# What the statements do with a call: one in 33 is not answered; the welcome and, of each turn, 1.97 messages.
ANSWERED_SHARE, TURN_MESSAGES = 0.97, 1.97

Session = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many calls, and about how many messages in all of them; one call has `long_messages`."""

    calls: int = 100_000
    messages: int = 2_000_000
    long_messages: int = 10_000
    days: int = 30
    sentences: int = 20_000
    refused: int = 5_000
    alerts: int = 20_000

    @property
    def long_call(self) -> int:
        """The number of the long call: it began 12 of 30 days ago."""
        return self.calls * 6 // 10

    @property
    def mean_turns(self) -> float:
        """The mean of the exponential distribution of turns, of which the first is always there."""
        mean_messages = (self.messages - self.long_messages) / (ANSWERED_SHARE * self.calls)
        further_turns = max((mean_messages - 1) / TURN_MESSAGES - 1, 0.1)
        return 1 / math.log(1 + 1 / further_turns)

    def values(self, until: datetime) -> dict[str, Any]:
        """The values of the statements' parameters."""
        return {
            "calls": self.calls,
            "days": self.days,
            "sentences": self.sentences,
            "refused": self.refused,
            "alerts": self.alerts,
            "long_call": self.long_call,
            "long_turns": math.ceil(self.long_messages / TURN_MESSAGES),
            "mean_turns": self.mean_turns,
            "until": until,
        }


def call_id_of(number: int) -> str:
    """Give the id of the call of a number, as bench/sql/conversations.sql makes it."""
    return f"WC-{UUID(md5(f'call {number}'.encode(), usedforsecurity=False).hexdigest())}"


def generate(url: str, amounts: Amounts, until: datetime | None = None) -> Iterator[int]:
    """Fill a migrated database, whose last moment is `until` (now); yields numbers of calls as they are done."""
    values = amounts.values(until or datetime.now(UTC))
    with _session(url) as session:
        _run(session, "vocabulary", values=values)
        session.execute("analyze generated_sentences")
    starts = range(1, amounts.calls + 1, CALLS_AT_ONCE)
    chunks = [{**values, "first": start, "last": min(start + CALLS_AT_ONCE - 1, amounts.calls)} for start in starts]
    with ThreadPoolExecutor(SESSIONS) as pool:
        try:
            for chunk in pool.map(lambda chunk: _generate_calls(url, chunk), chunks):
                yield chunk["last"] - chunk["first"] + 1
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    with _session(url) as session:
        _run(session, "besides", values=values)


def fill_alerts(url: str, amounts: Amounts, until: datetime | None = None) -> None:
    """Add moods and alerts to the rows that `generate` has made."""
    with _session(url) as session:
        _run(session, "alerts", values=amounts.values(until or datetime.now(UTC)))


def fill_figures(url: str) -> Iterator[int]:
    """Have the janitor's own functions work out the figures of calls; yields numbers of calls as they are done."""
    database = Database(url, FIGURES_SECONDS)
    keeper = FiguresKeeper(database, Settings())
    try:
        keeper.mark_changed_calls()
        while calls := keeper.refresh_calls():
            yield calls
        while keeper.sum_hours(HOURS_AT_ONCE):
            yield 0
    finally:
        database.close()


@cache
def sql(name: str) -> str:
    """Read the statements of bench/sql/NAME.sql."""
    return files("bench").joinpath(f"sql/{name}.sql").read_text()


def _generate_calls(url: str, chunk: dict[str, Any]) -> dict[str, Any]:
    with _session(url) as session:
        _run(session, "conversations", "calls", "messages", values=chunk)
    return chunk


def _run(session: Session, *names: str, values: dict[str, Any]) -> None:
    """Run the statements of some files in one transaction, with chances of their own but the same ones each time."""
    chance = "select setseed(%(first)s / (%(calls)s + 1.0));" if "first" in values else "select setseed(0.2);"
    statements = chance + ";".join(sql(name).rstrip().removesuffix(";") for name in names)
    session.execute(cast("Any", statements), values)


def _session(url: str) -> Session:
    # Values are put in on this side: a statement that makes a table takes no parameters.
    session = psycopg.connect(url, autocommit=True, application_name="bench", cursor_factory=psycopg.ClientCursor)
    session.execute("set work_mem = '64MB'")
    session.execute("set max_parallel_workers_per_gather = 0")
    return session
