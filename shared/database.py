"""One connection to PostgreSQL, its transactions, and the errors that come out of them.

A worker process works on one batch at a time, so it needs one connection and no pool: whether it is still good shows in
its use, and a broken one is replaced at the next transaction.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors
from psycopg.rows import DictRow, dict_row

from shared.errors import BadEvent, DatabaseUnavailable

Connection = psycopg.Connection[DictRow]

_LIMITS = """
    select set_config('statement_timeout', %(limit)s, true), set_config('lock_timeout', %(lock_limit)s, true)
"""

# Not the fault of the event, whatever SQLSTATE class the server files them under.
OUTAGES = (
    errors.ReadOnlySqlTransaction,
    errors.InsufficientResources,
    errors.OperatorIntervention,
    errors.SystemError,
    errors.LockNotAvailable,
    errors.DeadlockDetected,
    errors.SerializationFailure,
    # A migration or a grant is missing: a fault of the deployment, which will be mended while the events wait.
    errors.InsufficientPrivilege,
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.InvalidSchemaName,
)


class Database:
    """A connection that is made when first used, in the process that uses it, and again when it broke."""

    def __init__(self, url: str, timeout_seconds: float, *, prepare: bool = True) -> None:
        """Remember where to connect; `prepare=False` is for PgBouncer without prepared statements."""
        self._url = url
        # Shorter for locks: a wait for one is no fault of the statement, and must be told apart from a slow one.
        self._limits = {"limit": str(int(timeout_seconds * 1000)), "lock_limit": str(int(timeout_seconds * 500))}
        self._prepare = prepare
        self._connection: Connection | None = None
        self._pid = 0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Run a block in one transaction, each statement under a time limit.

        Raises DatabaseUnavailable where the server is to blame (also for deadlocks and lock time-outs: another attempt
        helps and the event is fine), BadEvent where it refuses a value; both without the server's text, which may quote
        the row. Any other psycopg error comes out as it is.
        """
        try:
            connection = self._connected()
            with connection.transaction():
                connection.execute(_LIMITS, self._limits)
                yield connection
        except errors.QueryCanceled:
            # Too slow every time is a fault to be counted, not an outage to be waited for.
            raise
        except OUTAGES as error:
            raise DatabaseUnavailable(type(error).__name__) from None
        except (psycopg.DataError, errors.ProgramLimitExceeded) as error:
            raise BadEvent(f"PostgreSQL refused a value: {type(error).__name__}") from None
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self.close()
            raise DatabaseUnavailable(type(error).__name__) from None

    def is_reachable(self) -> bool:
        """Tell whether the server serves writers at the moment."""
        try:
            with self.transaction() as connection:
                row = connection.execute("select pg_is_in_recovery() as is_standby").fetchone()
        except DatabaseUnavailable:
            return False
        return row is not None and not row["is_standby"]

    def close(self) -> None:
        """Close the connection, if this process has one; the next transaction makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None and self._pid == os.getpid():
            connection.close()

    def _connected(self) -> Connection:
        # A connection that came through a fork belongs to the parent: two processes must not talk on it.
        if self._connection is None or self._connection.closed or self._pid != os.getpid():
            self._connection = self._connect()
            self._pid = os.getpid()
        return self._connection

    def _connect(self) -> Connection:
        return psycopg.connect(
            self._url,
            autocommit=True,
            row_factory=dict_row,
            connect_timeout=5,
            application_name="earshot",
            prepare_threshold=5 if self._prepare else None,
        )
