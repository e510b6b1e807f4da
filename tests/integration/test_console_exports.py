"""Exports from the running program: every row once, in little memory, and never half of them looking like all."""

import csv
import io
import json
from collections.abc import Iterator

import psutil
import psycopg
import pytest
from redis import Redis

from console.api.operations import Listing
from console.api.routes import OPERATIONS
from tests.consoles import BEARER, CALL_IDS, RunningConsole, fill_with_everything, running_console

CALLS = 100_000
MOST_GROWTH_BYTES = 40 * 1024 * 1024
FILL = f"""
    insert into calls (call_id, started_at, assistant_name, status)
    select 'many-' || number, timestamptz '2026-01-01' - number * interval '1 s', 'An assistant', 'finished'
    from generate_series(1, {CALLS}) as number;
    analyze calls
"""
LISTINGS = [declared for declared in OPERATIONS if isinstance(declared, Listing)]


@pytest.fixture(scope="module")
def running(servers, tmp_path_factory) -> Iterator[RunningConsole]:
    """The program on a database of its own, filled."""
    url = servers.create_database("console_exports", "earshot_template")
    with Redis.from_url(servers.redis_url) as redis:
        redis.flushall()
        fill_with_everything(redis, url)
    with running_console(servers, url, tmp_path_factory.mktemp("console") / "log") as running:
        yield running
    servers.drop_database("console_exports")


def path_of(listing: Listing) -> str:
    """Fill the ids of a listing's path in."""
    return listing.path.replace("{call_id}", CALL_IDS[1]).replace("{message_id}", "welcome-1")


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.path)
def test_an_export_has_the_rows_of_the_listing(running, listing):
    """NDJSON has the same rows as the pages, and CSV the same again, with a heading, as attachments."""
    whole = json.loads(running.ask(f"{path_of(listing)}?limit=500")[2])[listing.noun]
    _, headers, lines = running.ask(f"{path_of(listing)}?format=ndjson")
    rows = [json.loads(line) for line in lines.splitlines()]
    assert rows == whole
    assert f'filename="{listing.noun}.ndjson"' in headers["content-disposition"]
    assert headers["content-type"] == "application/x-ndjson"
    _, headers, text = running.ask(f"{path_of(listing)}?format=csv&limit=1")
    table = list(csv.reader(io.StringIO(text.decode(), newline="")))
    assert table[0] == list(listing.row.model_fields)
    assert len(table) == len(whole) + 1
    assert headers["content-type"] == "text/csv; charset=utf-8"


@pytest.fixture(scope="module")
def many(servers, tmp_path_factory) -> Iterator[RunningConsole]:
    """The program on another database, of 100,000 calls."""
    url = servers.create_database("console_many_calls", "earshot_template")
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(FILL)
    with running_console(servers, url, tmp_path_factory.mktemp("console") / "log") as running:
        yield running
    servers.drop_database("console_many_calls")


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_100_000_rows_take_no_memory(many, kind):
    """The export has every call once, is read as it is written, and the program is hardly larger after it."""
    many.ask(f"/api/calls?format={kind}&status=ongoing")
    before = memory_of(many)
    with many.reading(f"/api/calls?format={kind}&status=finished") as lines:
        ids = {line.split(b",")[0] for line in lines if b"many-" in line}
        grown = memory_of(many) - before
    assert len(ids) == CALLS
    assert grown < MOST_GROWTH_BYTES


def memory_of(running: RunningConsole) -> int:
    """Count the bytes of the program and of those that serve for it."""
    program = psutil.Process(running.process.pid)
    return sum(process.memory_info().rss for process in (program, *program.children(recursive=True)))


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_an_export_that_breaks_does_not_look_whole(many, kind):
    """The table goes away in the middle: what arrives ends with half a line that says so, and no reader takes it."""
    with psycopg.connect(many.database_url, autocommit=True) as database:
        with many.reading(f"/api/calls?format={kind}") as lines:
            next(lines)
            database.execute("alter table calls rename to gone")
            *_, last = lines
        database.execute("alter table gone rename to calls")
    assert b"this export is not complete" in last
    with pytest.raises((csv.Error, json.JSONDecodeError)):
        list(csv.reader([last.decode()], strict=True)) if kind == "csv" else json.loads(last)
    assert "console.export_broken" in many.log.read_text()


def test_an_export_that_cannot_begin_is_an_error(running):
    """What is wrong from the beginning is told as such, not as an empty file."""
    status, headers, _ = running.ask("/api/calls/WC-nobody/messages?format=csv")
    assert (status, headers["content-type"]) == (404, "application/json")
    assert running.ask("/api/calls?format=csv&cursor=nonsense")[0] == 422
    assert running.ask("/api/calls?format=csv", {k: v for k, v in BEARER.items() if k != "Authorization"})[0] == 401
