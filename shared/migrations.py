"""Bring a database to the schema of this version: numbered SQL files, forward only, safe to start twice at once."""

from collections.abc import Iterator
from importlib.resources import files

import psycopg

from shared.errors import DatabaseUnavailable

# Any number, but the same in all versions: it is what two migrations meet at.
LOCK = 7_305_216_842
LOCK_TIMEOUT = "30s"
STATEMENT_TIMEOUT = "10min"


class MigrationError(Exception):
    """The database cannot be migrated; the message says why and what to do."""


def migrate(database_url: str) -> list[str]:
    """Apply the migrations that a database lacks, all or none, and name them in order.

    Raises DatabaseUnavailable, or MigrationError with PostgreSQL's reason.
    """
    try:
        with psycopg.connect(database_url, connect_timeout=10) as connection:
            return list(_apply_missing(connection))
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(str(error).strip()) from error
    except psycopg.Error as error:
        raise MigrationError(f"migration failed and was rolled back: {error}") from error


def _apply_missing(connection: psycopg.Connection) -> Iterator[str]:
    connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
    connection.execute(f"set local statement_timeout = '{STATEMENT_TIMEOUT}'")
    connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
    connection.execute(
        "create table if not exists migrations (name text primary key, applied_at timestamptz not null default now())"
    )
    applied = {name for (name,) in connection.execute("select name from migrations")}
    for name, statements in all_migrations().items():
        if name not in applied:
            connection.execute(statements)
            connection.execute("insert into migrations (name) values (%s)", (name,))
            yield name


def all_migrations() -> dict[str, str]:
    """List all migrations: name to SQL, in order."""
    folder = files("shared").joinpath("sql/migrations")
    paths = sorted((path for path in folder.iterdir() if path.name.endswith(".sql")), key=lambda path: path.name)
    return {path.name.removesuffix(".sql"): path.read_text() for path in paths}
