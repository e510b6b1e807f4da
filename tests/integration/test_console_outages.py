"""Servers that go away and come back: the console says so, shows what it can, and recovers by itself."""

from collections.abc import Iterator

import psycopg
import pytest
from redis import Redis

from shared.migrations import migrate
from tests.consoles import BEARER, RunningConsole, fill_with_everything, running_console
from tests.programs import wait_for
from tests.servers import EmbeddedServers

OF_POSTGRES = ("/api/calls", "/api/calls/WC-0", "/api/calls/WC-0/messages", "/api/quarantine", "/api/replays")
OF_REDIS = ("/api/failed", "/api/queues")


@pytest.fixture(scope="module")
def own_servers() -> Iterator[EmbeddedServers]:
    """Servers that these tests may stop."""
    with EmbeddedServers() as servers:
        yield servers


@pytest.fixture(scope="module")
def running(own_servers, tmp_path_factory) -> Iterator[RunningConsole]:
    """The program on servers of its own, filled."""
    url = own_servers.create_database("console_outages")
    migrate(url)
    with Redis.from_url(own_servers.redis_url) as redis:
        fill_with_everything(redis, url)
    with running_console(own_servers, url, tmp_path_factory.mktemp("console") / "log") as running:
        yield running


def statuses(running: RunningConsole, paths: tuple[str, ...]) -> set[int]:
    """Ask for each path, and tell the statuses."""
    return {running.ask(path)[0] for path in paths}


def assert_unavailable(running: RunningConsole, path: str, server: str) -> None:
    """Expect JSON with the name of the server that is away, and when to come back."""
    status, headers, body = running.ask(path)
    assert (status, headers["content-type"], headers["retry-after"]) == (503, "application/json", "5")
    assert body == b'{"error":"%s cannot be read at the moment"}\n' % server.encode()


def test_without_postgres_it_says_so_and_recovers(running, own_servers):
    """The server is stopped and started: 503 with Retry-After in between, and the same answers as before after it."""
    before = running.ask("/api/calls")[2]
    own_servers.stop("postgres")
    for path in OF_POSTGRES:
        assert_unavailable(running, path, "PostgreSQL")
    assert running.ask("/healthz")[0] == 200
    assert running.ask("/readyz")[0] == 503
    own_servers.start("postgres")
    wait_for(lambda: running.ask("/api/calls")[0] == 200)
    assert running.ask("/api/calls")[2] == before
    assert statuses(running, (*OF_POSTGRES, *OF_REDIS, "/readyz")) == {200}


def test_without_postgres_the_queues_are_told_without_a_rate(running, own_servers):
    """What waits in Redis, and what lies dead there, is worth seeing then most of all."""
    own_servers.stop("postgres")
    status, _, body = running.ask("/api/queues")
    failed = running.ask("/api/failed")[0]
    own_servers.start("postgres")
    assert (status, failed) == (200, 200)
    assert b'"dead_letters":25,"rate":null' in body


def test_a_page_says_so_too(running, own_servers):
    """A person gets a page of 503, not a traceback."""
    own_servers.stop("postgres")
    status, headers, body = running.ask("/", {**BEARER, "Accept": "text/html"})
    own_servers.start("postgres")
    assert status == 503
    assert headers["content-type"].startswith("text/html")
    assert b"PostgreSQL cannot be read at the moment" in body


def test_a_connection_that_was_cut_is_replaced(running, own_servers):
    """When the server ends all its connections, nobody notices."""
    assert running.ask("/api/calls")[0] == 200
    with psycopg.connect(own_servers.database_url, autocommit=True) as session:
        session.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name like '%console%'"
        )
    assert statuses(running, OF_POSTGRES) == {200}


def test_without_redis_only_what_needs_it_is_missing(running, own_servers):
    """Dead letters, queues and replays are 503; everything else is as before, and all of it returns."""
    own_servers.stop("valkey")
    for path in OF_REDIS:
        assert_unavailable(running, path, "Redis")
    assert running.ask("/api/replays", method="POST", body={"source": "dead_letters", "all": True})[0] == 503
    assert statuses(running, OF_POSTGRES) == {200}
    own_servers.start("valkey")
    wait_for(lambda: running.ask("/api/failed")[0] == 200)
    assert statuses(running, (*OF_REDIS, *OF_POSTGRES)) == {200}
