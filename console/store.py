"""What the console reads, it reads here: short read-only transactions on a few pooled connections.

A connection that broke is replaced when it is next wanted, so that an outage ends for the console when it ends.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from shared.database import OUTAGES, Connection
from shared.errors import DatabaseUnavailable

MOST_CONNECTIONS = 8
# Somebody is looking at an empty page meanwhile.
WAIT_SECONDS = 3.0

# A filter that is left open must not cost the plan of one that is set, so no plan is made for all values at once. A
# read takes one processor at most, the others are for those who write, and none is worth compiling.
_LIMITS = """
    select
        set_config('statement_timeout', %(limit)s, true), set_config('transaction_read_only', 'on', true),
        set_config('plan_cache_mode', 'force_custom_plan', true),
        set_config('timezone', 'UTC', true),
        set_config('max_parallel_workers_per_gather', '0', true), set_config('jit', 'off', true)
"""


class Store:
    """The database as the console sees it. All methods raise DatabaseUnavailable, also where a read takes too long."""

    def __init__(self, url: str, timeout_seconds: float, *, prepare: bool = True) -> None:
        """Remember where to connect; nothing is connected before the first read."""
        self._limit = {"limit": str(int(timeout_seconds * 1000))}
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            connection_class=psycopg.Connection[DictRow],
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "connect_timeout": 3,
                "application_name": "earshot console",
                "prepare_threshold": 5 if prepare else None,
            },
            check=ConnectionPool.check_connection,
            min_size=0,
            max_size=MOST_CONNECTIONS,
            timeout=WAIT_SECONDS,
            reconnect_timeout=WAIT_SECONDS,
            open=False,
        )

    def open(self) -> None:
        """Start the pool; call it in the process that reads."""
        self._pool.open()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    @contextmanager
    def reading(self, *, of_one_moment: bool = False) -> Iterator[Connection]:
        """Run a block of reads in one transaction; each sees the tables as they are then, or all as of one moment."""
        try:
            with self._pool.connection() as connection, connection.transaction():
                if of_one_moment:
                    connection.execute("set transaction isolation level repeatable read")
                connection.execute(_LIMITS, self._limit)
                yield connection
        except errors.QueryCanceled:
            raise DatabaseUnavailable("the read took too long") from None
        except (*OUTAGES, psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise DatabaseUnavailable(type(error).__name__) from None

    def rows(self, statement: str, values: Mapping[str, Any]) -> list[DictRow]:
        """Read all rows of one statement."""
        with self.reading() as connection:
            return connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Mapping[str, Any]) -> DictRow | None:
        """Read the first row of one statement."""
        with self.reading() as connection:
            return connection.execute(statement, values).fetchone()
