"""A connection to PostgreSQL that is lost before a given statement: where a janitor might die."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from shared.database import Database
from shared.errors import DatabaseUnavailable


class Crash(DatabaseUnavailable):
    """What takes the janitor down in these tests."""


class CrashingDatabase(Database):
    """A connection that is lost before a given statement, once."""

    statements_left = 10**9

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection]:
        with super().transaction() as connection:
            yield _Crashing(self, connection)  # type: ignore[misc]


class _Crashing:
    def __init__(self, owner: CrashingDatabase, connection: psycopg.Connection) -> None:
        self._owner, self._connection = owner, connection
        self.transaction = connection.transaction

    def execute(self, *arguments):
        self._owner.statements_left -= 1
        if self._owner.statements_left == 0:
            raise Crash("killed")
        return self._connection.execute(*arguments)
