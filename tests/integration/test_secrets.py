"""The platform's own secret, which comes with every status-update, ends at the ingest's door."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from redis import Redis

from ingest.app import create_app
from shared.event_records import decompress
from shared.settings import Settings
from tests.integration.test_worker import work_off

SECRET = "whsec-4f2b7d1e9a"
STAGES = ("transcripts", "metrics", "interruptions", "lifecycle", "sentiment", "quarantine")


def status_update(event_type: str = "status-update") -> bytes:
    """Make a body that carries the webhook's own settings, as the platform sends them."""
    server = {"url": "https://example.invalid/hook", "secret": SECRET, "headers": {"x-interactly-secret": SECRET}}
    message = {
        "type": event_type,
        "timestamp": 1_772_702_480_281,
        "call": {"id": "WC-1", "status": "ongoing", "assistant": {"assistantServer": server}},
        "assistant": {"name": "Reception", "assistantServer": server, "config": {"speech": {}}},
        "messages": [{"messageId": "user-1", "role": "user", "text": "Hello.", "assistantServer": server}],
    }
    return json.dumps({"message": message}).encode()


BODIES = {
    "status-update": status_update(),
    "conversation-update": status_update("conversation-update"),
    "unknown type": status_update("telepathy"),
    "foreign envelope": status_update().replace(b'"message":', b'"event":', 1),
    "truncated": status_update()[:-40],
    "truncated inside": status_update()[: status_update().index(SECRET.encode()) + 6],
    "with a BOM": b"\xef\xbb\xbf" + status_update(),
    "in UTF-16": status_update().decode().encode("utf-16"),
    "with an escaped key": status_update().replace(b"assistantServer", b"\\u0061ssistantServer"),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("configured", [SECRET, "another-secret-of-ours"], ids=["known to us", "unknown to us"])
def test_the_platforms_secret_is_stored_and_logged_nowhere(
    body, configured, redis, database, settings_of_programs, tmp_path, caplog
):
    """Whatever carries it, and in whatever spelling, it is in no key of Redis, no row of PostgreSQL and no log line."""
    client = create_app(Settings(webhook_secrets=configured), redis).test_client()
    headers = {"x-interactly-secret": configured, "content-type": "application/json"}
    assert client.post("/webhooks/interactly", data=body, headers=headers).status_code in (202, 400)

    told = [caplog.text.encode(), *everything_in_redis(redis)]
    assert len(told) > 2
    work_off_all(settings_of_programs, tmp_path / "log")
    told += [(tmp_path / "log").read_bytes(), *everything_in(database)]
    fragments = {SECRET.encode(), SECRET[:6].encode(), SECRET.encode("utf-16-le")}
    assert not [fragment for fragment in fragments for text in told if fragment in text]


def work_off_all(settings: Mapping[str, str], log: Path) -> None:
    """Drain all queues."""
    for stage in STAGES:
        work_off(stage, settings, log)


def everything_in_redis(redis: Redis) -> Iterator[bytes]:
    """Read all keys and values; bodies uncompressed."""
    for key in redis.scan_iter():
        yield key
        if redis.type(key) == b"hash":
            fields = redis.hgetall(key)
            yield decompress(fields.pop(b"body")) if b"body" in fields else b""
            yield repr(fields).encode()


def everything_in(database: psycopg.Connection) -> Iterator[bytes]:
    """Read all rows of all tables; bodies uncompressed."""
    tables = database.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    for (table,) in tables:
        for (row,) in database.execute(sql.SQL("select t::text from {} as t").format(sql.Identifier(table))):
            yield row.encode()
    yield from (decompress(body) for (body,) in database.execute("select body from snapshots"))
    yield from (body for (body,) in database.execute("select body from quarantine"))
