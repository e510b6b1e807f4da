"""PostgreSQL: reached, new enough, writable, with all migrations and room for connections."""

import time
from collections.abc import Iterator

from psycopg.rows import DictRow

from earshot.checks.clock import clock_findings
from earshot.checks.findings import Finding, ok, problem, warning
from shared.database import Connection, Database
from shared.migrations import all_migrations
from shared.queries import queries

OLDEST_VERSION = 150_000
CONNECTIONS_WARNING = 0.8
CONNECTIONS_LEFT = 3


def check_postgres(database: Database) -> Iterator[Finding]:
    """Look at the server. Raises DatabaseUnavailable when it cannot be reached."""
    with database.transaction() as connection:
        asked = time.time()
        server = _only_row(connection, "read_server")
        middle = (asked + time.time()) / 2
        missing = _migrations(connection)
    yield from _version(server)
    yield from _writes(server)
    yield missing
    yield from _connections(server)
    yield from clock_findings("postgresql.clock", "PostgreSQL", server["clock"] - middle)


def _version(server: DictRow) -> Iterator[Finding]:
    text = f"PostgreSQL {server['version_text'].split()[0]} answers"
    if server["version"] < OLDEST_VERSION:
        yield problem("postgresql.version", text, "Earshot needs PostgreSQL 15 or newer: upgrade it.")
    else:
        yield ok("postgresql.version", text)


def _writes(server: DictRow) -> Iterator[Finding]:
    remedy = "Point DATABASE_URL at the primary; the workers wait until then, and nothing is lost."
    if server["is_standby"]:
        yield problem("postgresql.writes", "DATABASE_URL leads to a standby, which takes no writes", remedy)
    elif server["is_read_only"]:
        text = "Transactions are read-only by default for this account or database"
        yield problem("postgresql.writes", text, "alter database ... reset default_transaction_read_only")
    else:
        yield ok("postgresql.writes", "It is a primary and takes writes")


def _migrations(connection: Connection) -> Finding:
    applied: set[str] = set()
    if _only_row(connection, "has_migrations")["is_there"]:
        applied = {row["name"] for row in connection.execute(queries("doctor")["list_migrations"])}
    missing = [name for name in all_migrations() if name not in applied]
    unknown = sorted(applied - set(all_migrations()))
    if missing:
        return problem("postgresql.migrations", f"Not applied: {', '.join(missing)}", "earshot migrate")
    if unknown:
        text = f"The database is newer than this program: it has {', '.join(unknown)}"
        return warning("postgresql.migrations", text, "Run the version of Earshot that the other machines run.")
    return ok("postgresql.migrations", f"All {len(applied)} migrations are applied")


def _connections(server: DictRow) -> Iterator[Finding]:
    opened, allowed = server["connections_open"], server["connections_allowed"]
    text = f"{opened} of {allowed} connections are in use"
    remedy = "Raise max_connections, end idle ones, or put PgBouncer before it; each worker needs one."
    if allowed - opened < CONNECTIONS_LEFT:
        yield problem("postgresql.connections", text, remedy)
    elif opened > allowed * CONNECTIONS_WARNING:
        yield warning("postgresql.connections", text, remedy)
    else:
        yield ok("postgresql.connections", text)


def _only_row(connection: Connection, name: str) -> DictRow:
    row = connection.execute(queries("doctor")[name]).fetchone()
    assert row is not None, name  # noqa: S101 - each of them gives one row, whatever there is
    return row
