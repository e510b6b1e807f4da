"""The servers a command asks: how it reaches them, and what it says when they cannot be reached."""

# ruff: noqa: PLC0415 - `earshot --help` would take a second with all programs imported

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from earshot.commands.common import Fault, secret_text

if TYPE_CHECKING:
    from redis import Redis

    from shared.database import Database
    from shared.settings import Settings


def redis_of(settings: "Settings") -> "Redis":
    """Make a client for REDIS_URL; it is closed when the command ends."""
    from shared.redis_client import connect_redis

    redis = connect_redis(secret_text(settings.redis_url), settings.redis_timeout_seconds)
    click.get_current_context().call_on_close(redis.close)
    return redis


def database_of(settings: "Settings") -> "Database":
    """Make a connection for DATABASE_URL; it is closed when the command ends."""
    from shared.database import Database

    url = secret_text(settings.database_url)
    database = Database(url, settings.database_timeout_seconds, prepare=settings.prepare_statements)
    click.get_current_context().call_on_close(database.close)
    return database


@contextmanager
def outages_told() -> Iterator[None]:
    """Turn an unreachable server into a message and status 1."""
    from shared.errors import DatabaseUnavailable, QueueUnavailable

    try:
        yield
    except QueueUnavailable as error:
        raise Fault(f"Redis cannot be asked ({error}). See REDIS_URL, and whether the server runs.") from error
    except DatabaseUnavailable as error:
        raise Fault(f"PostgreSQL cannot be asked ({error}). See DATABASE_URL, and `earshot migrate`.") from error
