"""The schema: one file that equals the sum of the migrations, and an index for every hot read."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import psycopg
import pytest

from shared.migrations import all_migrations
from shared.queries import queries
from workers.absorption import BOOKKEEPING, Table
from workers.calls import COLUMNS
from workers.interruptions import InterruptionsTable
from workers.metrics import MetricsTable
from workers.scoring import import_scorer
from workers.sentiment import SentimentsTable
from workers.transcripts import MessagesTable

CATALOG = {
    "columns": """
        select table_name, column_name, data_type, udt_name, is_nullable, column_default, ordinal_position
        from information_schema.columns
        where table_schema = 'public' and table_name <> 'migrations'
    """,
    "constraints": """
        select conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        from pg_constraint
        where connamespace = 'public'::regnamespace and conrelid <> 'migrations'::regclass
    """,
    "indexes": "select indexdef from pg_indexes where schemaname = 'public' and tablename <> 'migrations'",
    "views": "select viewname, definition from pg_views where schemaname = 'public'",
    "comments": """
        select objoid::regclass::text, objsubid, description
        from pg_description
        where classoid = 'pg_class'::regclass
            and objoid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
    """,
    "others": """
        select proname from pg_proc where pronamespace = 'public'::regnamespace
        union all select typname from pg_type where typnamespace = 'public'::regnamespace and typtype in ('e', 'd')
        union all select tgname from pg_trigger where not tgisinternal
    """,
}
MIGRATIONS_TABLE = "create table if not exists migrations (name text primary key)"
CALLS, MESSAGES = 2000, 20
FILL = f"""
    insert into calls (call_id, started_at)
    select 'call-' || number, now() - number * interval '1 minute' from generate_series(1, {CALLS}) as number;
    insert into messages (call_id, message_id, role, text, spoken_at, reply_to, version, fingerprint)
    select
        calls.call_id, 'user-' || place, case place % 2 when 0 then 'user' else 'assistant' end, 'text', now(),
        case place % 2 when 1 then 'user-' || place - 1 end, '{{1,1,1,1}}', place
    from calls cross join generate_series(1, {MESSAGES}) as place;
    insert into message_metrics (call_id, message_id, role, version, fingerprint)
    select call_id, message_id, role, version, fingerprint from messages;
    insert into message_revisions (call_id, message_id, revision, text, version)
    select call_id, message_id, 1, 'text', version from messages;
    insert into interruptions (call_id, message_id, ordinal, version, fingerprint)
    select call_id, message_id, 0, version, fingerprint from messages;
    insert into sentiments (call_id, message_id, label, scorer, version, fingerprint)
    select call_id, message_id, 'unknown', 's/1', version, fingerprint from messages;
    insert into fingerprints (call_id, stage, version, messages)
    select call_id, stage, '{{1,1,1,1}}', '' from calls cross join unnest(array['transcripts', 'metrics']) as stage;
    analyze;
"""
CALL_IDS = [f"call-{number}" for number in range(1, 6)]
KEYS = {"call_id": CALL_IDS, "message_id": [f"user-{place}" for place in range(1, 6)]}
READS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "messages": ("messages", "load", KEYS),
    "metrics": ("metrics", "load", KEYS),
    "interruptions": ("interruptions", "load", {**KEYS, "ordinal": [0] * 5}),
    "sentiments": ("sentiments", "load", KEYS),
    "earlier wordings": ("messages", "load_revisions", KEYS),
    "dropped wordings": ("messages", "drop_revisions", KEYS),
    "fingerprints": ("fingerprints", "lock_calls", {"stage": "metrics", "call_ids": CALL_IDS}),
    "calls": ("calls", "lock", {"call_ids": CALL_IDS}),
    "last_message_at": ("calls", "count_messages", {"call_id": CALL_IDS, "added": [1] * 5}),
    **{
        f"{topic} that left": (
            *(topic, "touch"),
            {"call_id": CALL_IDS, "fingerprint": [1] * 5, "version": ["{1,1,1,1}"] * 5},
        )
        for topic in ("messages", "metrics", "interruptions", "sentiments")
    },
}
WITHOUT_CALLS = (
    *("quarantine", "migrations", "replays", "notices", "silences"),
    *("followers", "stale_hours", "hourly_calls", "hourly_outcomes", "histograms"),
)
TURNS = "select * from turns where call_id = %(call_id)s"


@pytest.fixture(scope="module")
def filled(servers) -> Iterator[psycopg.Connection]:
    """A connection to a database of some thousand calls."""
    url = servers.create_database("filled", "earshot_template")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FILL)
        yield connection
    servers.drop_database("filled")


def _catalog(connection: psycopg.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {part: sorted(connection.execute(query).fetchall(), key=repr) for part, query in CATALOG.items()}


def _columns_of(connection: psycopg.Connection, table: str) -> list[str]:
    query = "select column_name from information_schema.columns where table_name = %s order by ordinal_position"
    return [name for (name,) in connection.execute(query, (table,))]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from _nodes(below)


def _scanned(connection: psycopg.Connection, statement: str, parameters: Mapping[str, Any]) -> list[str]:
    """Name the tables that a statement would read from end to end."""
    row = connection.execute(f"explain (format json) {statement}", parameters).fetchone()
    assert row
    return [node["Relation Name"] for node in _nodes(row[0][0]["Plan"]) if node["Node Type"] == "Seq Scan"]


@pytest.mark.parametrize("part", CATALOG)
def test_schema_file_equals_the_migrations(database: psycopg.Connection, empty_database_url: str, part: str):
    """A database made of schema.sql is, part by part, one that was migrated."""
    with psycopg.connect(empty_database_url, autocommit=True) as empty:
        empty.execute(MIGRATIONS_TABLE)
        empty.execute(files("shared").joinpath("sql/schema.sql").read_text())
        assert _catalog(database)[part] == _catalog(empty)[part]


def test_catalog_is_seen(database: psycopg.Connection):
    """What is compared is there: tables, keys, indexes, the view and comments."""
    found = {part: len(rows) for part, rows in _catalog(database).items()}
    assert all(found[part] for part in CATALOG if part != "others")


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("messages", MessagesTable()),
        ("message_metrics", MetricsTable()),
        ("interruptions", InterruptionsTable()),
        ("sentiments", SentimentsTable(import_scorer("workers.vader:scorer"))),
    ],
)
def test_columns_of_a_stage_are_those_of_its_table(database: psycopg.Connection, table: str, code: Table):
    """A stage knows every column of its table, but the revision, which is counted."""
    names = {*code.key_names, *code.column_names, *BOOKKEEPING}
    assert set(_columns_of(database, table)) - {"revision"} == names


def test_columns_of_calls_are_those_of_the_table(database: psycopg.Connection):
    """The code knows every column of `calls`, but the two that are counted and the one that is generated."""
    others = {"message_count", "last_message_at", "began_at"}
    assert set(_columns_of(database, "calls")) - others == {"call_id", *COLUMNS, "version", "field_versions"}


def test_every_key_begins_with_the_call(database: psycopg.Connection):
    """Tables can be distributed by call: each key begins with it, where there is a call."""
    keys = database.execute(
        "select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint where contype in ('p', 'u')"
        " and connamespace = 'public'::regnamespace and conrelid::regclass::text <> all(%s)",
        (list(WITHOUT_CALLS),),
    ).fetchall()
    assert len(keys) > 10
    assert all("(call_id" in definition for _, definition in keys)


@pytest.mark.parametrize("read", READS)
def test_hot_read_scans_no_table(filled: psycopg.Connection, read: str):
    """What a stage reads of a few calls among thousands is found by an index."""
    topic, name, parameters = READS[read]
    assert _scanned(filled, queries(topic)[name], parameters) == []


def test_turns_of_a_call_scan_no_table(filled: psycopg.Connection):
    """The turns of one call among thousands are found by indexes."""
    assert _scanned(filled, TURNS, {"call_id": "call-7"}) == []


def test_migrations_are_numbered():
    """Migrations are numbered one after the other, so that their order is plain."""
    assert [name[:4] for name in all_migrations()] == [f"{number:04}" for number in range(1, len(all_migrations()) + 1)]
