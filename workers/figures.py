"""Keep figures: what is worked out of each call, and their sums by hour and day, some seconds after calls changed.

Consumes the receipts that stages leave, so that stages do nothing for it, and `stale_calls`, to which anybody may add.
Writes `call_figures`, `hourly_calls`, `hourly_outcomes` and `histograms`. Each call and each hour is worked out wholly
from what is stored, never from what it was before: what is done twice, late or in another order comes to the same. A
mark goes in the transaction that does what it asks for, so a crash loses none.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import errors
from psycopg.rows import DictRow

from shared.database import Connection, Database
from shared.errors import BadEvent
from shared.histograms import GROWTH
from shared.logs import log
from shared.queries import queries
from shared.settings import Settings
from workers.follower import Follower

# Any number, but the same in all versions: it is what two janitors meet at.
LOCK = 7_305_216_843
CALLS_AT_ONCE = 200
HOURS_AT_ONCE = 6
# PostgreSQL refuses to keep more than 1 MiB of one call's words. A word takes its own bytes, four for its place and up
# to one to align them, and one in several parts is kept with its parts: at worst 10 bytes a character.
MOST_CHARACTERS = 100_000
# One after the other in one transaction: days are made of the hours.
_SUMMING = (
    *("clear_hours", "sum_calls", "sum_outcomes", "make_hour_histograms"),
    *("prefer_hashing", "make_day_histograms"),
)

# What a call's contents may be to blame for.
_FAULTS = (
    *(psycopg.DataError, psycopg.IntegrityError, psycopg.InternalError),
    *(errors.ProgramLimitExceeded, errors.QueryCanceled),
)


class NotOurTurn(Exception):
    """Another one works on figures at the moment."""


class FiguresKeeper:
    """Keeps the figures of one database. All methods raise what transactions raise, and NotOurTurn."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._follower = Follower("figures", settings.receipt_days)

    def run_step(self) -> tuple[int, int]:
        """Do a piece of what there is to do; returns how many calls and hours that were, zeros when all is done."""
        return self.follow_calls(), self.sum_hours()

    def follow_calls(self) -> int:
        """Look for changed calls, and work out the figures of some; returns how many."""
        self.mark_changed_calls()
        return self.refresh_calls()

    def mark_changed_calls(self) -> None:
        """Mark the calls that stages have changed since the last look, or all where that cannot be told."""
        with self._turn() as connection:
            if not self._follower.mark_changed(connection):
                connection.execute(queries("figures")["mark_all"])

    def refresh_calls(self) -> int:
        """Work out the figures of some marked calls; returns how many."""
        return self._do(_Task("call", self._follower.take, _refresh), CALLS_AT_ONCE)

    def sum_hours(self, most: int = HOURS_AT_ONCE) -> int:
        """Make the sums of some marked hours; returns how many."""
        return self._do(_HOURS, most)

    def read_delay(self) -> float:
        """Read how many seconds ago a change was made that may still be missing in the figures."""
        with self._database.transaction() as connection:
            row = connection.execute(queries("figures")["read_delay"]).fetchone()
        return float(row["seconds"]) if row else 0.0

    def _do(self, task: "_Task", most: int) -> int:
        """Do up to `most` at once, or where that fails each alone, so that only the culprit is left out."""
        try:
            return self._take(task.take, task.work, most)
        except (BadEvent, *_FAULTS):
            return sum(self._take(task.take, task.try_alone, 1) for _ in range(most))

    def _take(self, take: "_Take", work: "_Work", most: int) -> int:
        with self._turn() as connection:
            marks = take(connection, most)
            if marks:
                work(connection, marks)
        return len(marks)

    @contextmanager
    def _turn(self) -> Iterator[Connection]:
        with self._database.transaction() as connection:
            row = connection.execute(queries("figures")["take_turn"], {"lock": LOCK}).fetchone()
            if not (row and row["is_ours"]):
                raise NotOurTurn
            yield connection


def mark_calls(connection: Connection, call_ids: list[str]) -> None:
    """Have the figures of calls worked out again, once the transaction that changed them is committed."""
    connection.execute(queries("figures")["mark_calls"], {"call_ids": call_ids})


def _refresh(connection: Connection, marks: list[DictRow]) -> None:
    wanted = {
        "call_ids": [mark["key"] for mark in marks],
        "marked_at": min(mark["marked_at"] for mark in marks),
        "most_characters": MOST_CHARACTERS,
    }
    connection.execute(queries("figures")["refresh_calls"], wanted)


def _sum_up(connection: Connection, marks: list[DictRow]) -> None:
    wanted = {"hours": [mark["key"] for mark in marks], "growth": GROWTH}
    for name in _SUMMING:
        connection.execute(queries("sums")[name], wanted)


def _take_hours(connection: Connection, most: int) -> list[DictRow]:
    return connection.execute(queries("figures")["take_hours"], {"most": most}).fetchall()


_Take = Callable[[Connection, int], list[DictRow]]
_Work = Callable[[Connection, list[DictRow]], None]


@dataclass(frozen=True, slots=True)
class _Task:
    """What is done with marks of one kind: how some are taken, and the work that they ask for."""

    kind: str
    take: _Take
    work: _Work

    def try_alone(self, connection: Connection, marks: list[DictRow]) -> None:
        """Do the work for one mark; where it cannot be done the mark goes all the same."""
        try:
            with connection.transaction():
                self.work(connection, marks)
        except _FAULTS as error:
            log(logging.ERROR, "figures.skipped", kind=self.kind, key=marks[0]["key"], reason=type(error).__name__)


_HOURS = _Task("hour", _take_hours, _sum_up)
