"""What the janitor does for figures goes by indexes, and looks at few rows beside those that it is about."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

import psycopg
import pytest

from bench.console_rows import Amounts, call_id_of, fill_figures, generate
from shared.histograms import GROWTH
from shared.queries import queries
from tests.integration.test_console_plans import looked_at, nodes_of
from workers.figures import LOCK

AMOUNTS = Amounts(calls=3000, messages=40_000, long_messages=100, days=3, sentences=500, refused=10)
UNTIL = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
MOST = 50
CALL_IDS = [call_id_of(number) for number in range(100, 105)]
SOME_CALLS = {"call_ids": CALL_IDS}
HOUR = (UNTIL - timedelta(days=2)).replace(minute=0)
SUMMED = {"hours": [HOUR.isoformat()], "growth": GROWTH}
# Of each call some messages, looked up a few times; of an hour 150 calls with theirs; of a day the histograms.
OF_CALLS, OF_HOUR, OF_DAY = 50 * len(CALL_IDS), 40 * 150, 8000
RECENT = {"receipts_by_time"}
TURNS = {"messages_by_time", "messages_by_reply", "message_metrics_pkey"}
# One of five calls is urgent. Receipts are of a week, in an order that shows in their place.
MARKS = """
    insert into stale_calls (call_id, is_urgent)
    select call_id, number % 5 = 0
    from (select call_id, row_number() over (order by call_id) as number from calls) as numbered;
    insert into stale_hours
    select 'epoch'::timestamptz + number * interval '1 hour' from generate_series(1, 3000) as number;
    truncate receipts;
    insert into receipts
    select 'c' || number, 'e', 's', 't', now(), now() - number * interval '1 second', 1
    from generate_series(600000, 1, -6) as number;
    analyze stale_calls, stale_hours, receipts;
"""
FIGURES = {"follower": "figures"}
PROGRESS = {"open_since": datetime.now(UTC), "margin_seconds": 120, "horizon": 0}
TAKEN = {"stale_calls_by_age", "stale_calls_urgent", "stale_calls_pkey"}
Work = tuple[str, Mapping[str, Any], set[str], int]
WORK: tuple[Work, ...] = (
    ("followers.read_progress", {**FIGURES, "receipt_days": 14}, set(), 2),
    ("followers.start", FIGURES, set(), 1),
    ("figures.read_delay", {}, {"stale_calls_by_age"}, 3003),
    # This kind of index tells the blocks that receipts of a time lie in, 128 at once.
    ("followers.mark_changed", {**FIGURES, **PROGRESS}, RECENT, 10_000),
    ("figures.mark_calls", SOME_CALLS, set(), 1),
    ("followers.take_calls", {**FIGURES, "most": MOST}, TAKEN, 4 * MOST),
    ("figures.take_hours", {"most": MOST}, {"stale_hours_pkey"}, 4 * MOST),
    (
        "figures.refresh_calls",
        {**SOME_CALLS, "marked_at": UNTIL, "most_characters": 1000},
        {*TURNS, "calls_pkey", "call_figures_pkey", "interruptions_pkey"},
        OF_CALLS,
    ),
    ("sums.clear_hours", SUMMED, {"hourly_calls_pkey", "hourly_outcomes_pkey", "histograms_pkey"}, OF_DAY),
    ("sums.sum_calls", SUMMED, {"call_figures_by_hour", "calls_pkey"}, OF_HOUR),
    ("sums.sum_outcomes", SUMMED, {"call_figures_by_hour", "calls_pkey"}, OF_HOUR),
    ("sums.make_hour_histograms", SUMMED, {*TURNS, "call_figures_by_hour", "calls_pkey"}, OF_HOUR),
    ("sums.make_day_histograms", SUMMED, {"histograms_pkey"}, OF_DAY),
)
# What goes through everything, or through nothing.
OTHERS = {"figures.mark_all", "figures.take_turn", "sums.prefer_hashing"}
SMALL = {"followers", "stale_hours"}


@pytest.fixture(scope="module")
def url(servers) -> Iterator[str]:
    """The address of a database of some thousand calls with their figures, all of them marked again."""
    url = servers.create_database("summed", "earshot_template")
    for rows in (generate(url, AMOUNTS, UNTIL), fill_figures(url)):
        for _ in rows:
            pass
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(MARKS)
        session.execute("vacuum (analyze)")
    yield url
    servers.drop_database("summed")


def explain(url: str, query: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Run a statement as the janitor does, give the nodes of its plan, and undo what it did."""
    topic, _, name = query.partition(".")
    with psycopg.connect(url) as session:
        session.execute(queries("figures")["take_turn"], {"lock": LOCK})
        before = takewhile(lambda other: other != name, queries("sums")) if topic == "sums" else ()
        for other in before:
            session.execute(queries("sums")[other], values)
        row = session.execute(f"explain (analyze, format json) {queries(topic)[name]}", values).fetchone()
        session.rollback()
    return list(nodes_of(row[0][0]["Plan"]))


@pytest.mark.parametrize(("query", "values", "indexes", "most_rows"), WORK, ids=[query for query, *_ in WORK])
def test_figures_are_kept_by_indexes(url, query, values, indexes, most_rows):
    """No table that grows is read from end to end, and no index but those meant for it."""
    nodes = explain(url, query, values)
    scanned = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    used = {node["Index Name"] for node in nodes if "Index Name" in node}
    assert scanned <= SMALL
    assert used == indexes
    assert sum(map(looked_at, nodes)) <= most_rows


def test_every_statement_is_known():
    """A statement that is new must be thought about here."""
    named = {query for query, *_ in WORK} | OTHERS
    assert {f"{topic}.{name}" for topic in ("followers", "figures", "sums") for name in queries(topic)} == named
