"""Fixtures of all tests: real servers once a session, a fresh database and an empty Valkey for each test."""

from collections.abc import Iterator
from itertools import count

import psycopg
import pytest
from redis import Redis

from shared.migrations import migrate
from tests.servers import EmbeddedServers

TEMPLATE = "earshot_template"
_numbers = count(1)


@pytest.fixture(scope="session")
def servers() -> Iterator[EmbeddedServers]:
    """A real Valkey and a real PostgreSQL for the whole session, with a migrated database to copy."""
    with EmbeddedServers() as running:
        migrate(running.create_database(TEMPLATE))
        yield running


@pytest.fixture
def database_url(servers: EmbeddedServers) -> Iterator[str]:
    """A fresh, migrated database."""
    name = f"test_{next(_numbers)}"
    yield servers.create_database(name, TEMPLATE)
    servers.drop_database(name)


@pytest.fixture
def empty_database_url(servers: EmbeddedServers) -> Iterator[str]:
    """A database without any table."""
    name = f"test_{next(_numbers)}"
    yield servers.create_database(name)
    servers.drop_database(name)


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to look into the test's database, each statement on its own."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def redis(servers: EmbeddedServers) -> Iterator[Redis]:
    """A client of the session's Valkey, emptied."""
    with Redis.from_url(servers.redis_url) as client:
        client.flushall()
        yield client
