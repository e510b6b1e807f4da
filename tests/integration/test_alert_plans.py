"""What the janitor does for alerts goes by indexes, and looks at few rows beside those that it is about."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from bench.console_rows import Amounts, call_id_of, generate
from shared.queries import queries
from tests.integration.test_console_plans import looked_at, nodes_of
from workers.alerting.keeper import LOCK

AMOUNTS = Amounts(calls=3000, messages=40_000, long_messages=2000, days=3, sentences=500, refused=10)
UNTIL = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
MOST = 50
CALL_IDS = [call_id_of(number) for number in range(100, 150)]
SOME = {"call_ids": CALL_IDS}
# Of each call a few rows, its messages once.
OF_CALLS, OF_MESSAGES = 40 * len(CALL_IDS), 60 * len(CALL_IDS)
HOUR = {"since": UNTIL - timedelta(hours=25), "until": UNTIL - timedelta(hours=24)}
IN_HOUR = {**HOUR, **SOME}
SUBJECTS = {"longest": 80, "most_subjects": 50, "minimum": 1}
NEWEST, REPLY = "messages_by_time", "messages_by_reply"
TURNS = {NEWEST, REPLY, "message_metrics_pkey"}
AN_ALERT = {"call_id": CALL_IDS[0], "alert_id": "alert-100"}
# Of one call in 30 the end was never told. Every tenth call has a mood and an incident; one alert in ten is open.
FILL = """
    truncate sentiments, incidents, alerts, silences, notices, receipts;
    update calls set ended_at = coalesce(ended_at, began_at), status = 'finished';
    update calls set ended_at = null, status = 'ongoing' where hashtext(call_id) % 30 = 0;
    insert into sentiments (call_id, message_id, label, confidence, scorer, spoken_at, version, fingerprint)
    select call_id, message_id, 'negative', 0.9, 's/1', spoken_at, '{0,0,0,0}', 0 from messages where role = 'user';
    insert into incidents (incident_id, call_id, kind, provider, occurred_at, message_id)
    select number, call_id, case number % 2 when 0 then 'hang' else 'error' end, 'gemini', began_at, 'user-1'
    from calls cross join generate_series(1, 4) as number;
    insert into alerts (alert_id, call_id, rule, raised_at, severity, began_at, resolved_at, is_silenced)
    select
        'alert-' || number, call_id, 'hang', began_at, 'info', began_at,
        case when number % 10 > 0 then began_at end, number % 200 = 0
    from (select *, row_number() over (order by call_id) as number from calls) as numbered;
    insert into alerts (alert_id, call_id, rule, raised_at, severity, began_at, resolved_at)
    select 'window-' || number, '', 'rate', now(), 'info', now(), case when number > 1 then now() end
    from generate_series(1, 2000) as number;
    insert into silences (rule, ends_at, who)
    select 'rule', now() - number * interval '1 hour', 'me' from generate_series(1, 3000) as number;
    insert into notices (call_id, alert_id, channel, what, published_at)
    select call_id, alert_id, 'webhook', 'raised', case when alert_id > 'alert-2' then now() end from alerts;
    insert into receipts
    select 'c' || number, 'e', 's', 't', now(), now() - number * interval '1 second', 1
    from generate_series(600000, 1, -6) as number;
"""
Work = tuple[str, Mapping[str, Any], set[str], int]
WORK: tuple[Work, ...] = (
    (
        "alerts.read_calls",
        {**SOME, "heard_if_begun_by": UNTIL + timedelta(days=9)},
        {"calls_pkey", NEWEST, REPLY, "receipts_pkey"},
        OF_CALLS,
    ),
    ("alerts.read_moods", {**SOME, "confidence_above": 0.8}, {"sentiments_pkey"}, OF_CALLS),
    ("alerts.read_hangs", SOME, {"incidents_pkey", "messages_pkey", NEWEST, "call_statuses_pkey"}, OF_CALLS),
    ("alerts.read_confidences", SOME, {NEWEST}, OF_MESSAGES),
    ("alerts.read_alerts", SOME, {"alerts_pkey"}, OF_CALLS),
    ("alerts.read_open_alerts", {}, {"alerts_open_of_no_call"}, 10),
    (
        "alerts.find_silent_calls",
        {
            "began_after": UNTIL - timedelta(days=1),
            "said_after": UNTIL - timedelta(hours=3),
            "said_until": UNTIL,
            "assistants": [],
            "passed_over": [],
            "rule": "hang",
            "most": MOST,
        },
        {"calls_in_progress", NEWEST, REPLY, "alerts_pkey"},
        500,
    ),
    (
        "alerts.find_endless_calls",
        {
            "began_after": UNTIL - timedelta(days=2),
            "began_until": UNTIL,
            "assistants": [],
            "passed_over": [],
            "rule": "hang",
            "most": MOST,
        },
        {"calls_in_progress", "alerts_pkey", "receipts_pkey"},
        500,
    ),
    ("alerts.find_alerted_calls", {"after": "", "most": MOST}, {"alerts_open"}, 4 * MOST),
    ("alerts.resolve", {**AN_ALERT, "now": UNTIL}, {"alerts_open"}, 10),
    ("alerts.clear", {**AN_ALERT, "clear_since": UNTIL}, {"alerts_open"}, 10),
    ("alerts.read_silences", {"now": datetime.now(UTC)}, {"silences_by_end"}, 10),
    (
        "alerts.end_silencing",
        {"now": datetime.now(UTC), "most": MOST},
        {"alerts_silenced", "silences_by_end"},
        300,
    ),
    (
        "alert_windows.find_active_calls",
        {**HOUR, "began_after": UNTIL - timedelta(hours=31), "assistants": [], "most": 2000},
        {"calls_by_time", "incidents_by_time"},
        2000,
    ),
    ("alert_windows.count_hung_calls", IN_HOUR, {"incidents_by_time"}, OF_CALLS),
    ("alert_windows.count_messages", IN_HOUR, {NEWEST}, OF_MESSAGES),
    ("alert_windows.count_errors", {**IN_HOUR, **SUBJECTS, "error_type": None}, {"incidents_by_time"}, OF_CALLS),
    ("alert_windows.measure_latency", {**IN_HOUR, "percentile": 0.95}, TURNS, OF_MESSAGES),
    (
        "alert_windows.measure_latency_by_assistant",
        {**IN_HOUR, **SUBJECTS, "percentile": 0.95},
        {*TURNS, "calls_pkey"},
        OF_MESSAGES,
    ),
    ("alert_windows.count_interruptions", IN_HOUR, {"interruptions_by_time"}, OF_CALLS),
    (
        "alert_windows.was_heard",
        {"since": datetime.now(UTC) - timedelta(days=3, minutes=15), "until": datetime.now(UTC) - timedelta(days=3)},
        # This kind of index tells the blocks that receipts of a time lie in, 128 at once.
        {"receipts_by_time"},
        15_000,
    ),
    (
        "alert_windows.read_last_heard",
        {"since": datetime.now(UTC) - timedelta(minutes=1)},
        {"receipts_by_time"},
        10_000,
    ),
    ("notices.read_unpublished", {"most": MOST}, {"notices_to_publish"}, 4 * MOST),
    ("notices.mark_published", {"notice_ids": [1, 2, 3]}, {"notices_pkey"}, 20),
    (
        "notices.make_resolved",
        {**AN_ALERT, "channels": ["webhook"]},
        {"notices_call_id_alert_id_channel_what_key"},
        20,
    ),
)
A_ROW = {
    **AN_ALERT,
    **dict.fromkeys(("message_id", "subject"), ""),
    "rule": "r",
    "severity": "info",
    "detail": Jsonb({}),
    "is_silenced": False,
    "resolved_at": None,
    **dict.fromkeys(("now", "began_at"), UNTIL),
}
# What reads nothing, or what part it reads is another's.
OTHERS = {"alerts.take_turn", "alerts.raise", "notices.make"}


@pytest.fixture(scope="module")
def url(servers) -> Iterator[str]:
    """The address of a database of some thousand calls with moods, incidents, alerts and notices."""
    url = servers.create_database("alerted", "earshot_template")
    for _ in generate(url, AMOUNTS, UNTIL):
        pass
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(FILL)
        session.execute("vacuum (analyze)")
    yield url
    servers.drop_database("alerted")


@pytest.mark.parametrize(("query", "values", "indexes", "most_rows"), WORK, ids=[query for query, *_ in WORK])
def test_alerts_are_kept_by_indexes(url, query, values, indexes, most_rows):
    """No table that grows is read from end to end, and no index but those meant for it."""
    topic, _, name = query.partition(".")
    with psycopg.connect(url) as session:
        session.execute(queries("alerts")["take_turn"], {"lock": LOCK})
        row = session.execute(f"explain (analyze, format json) {queries(topic)[name]}", values).fetchone()
        session.rollback()
    nodes = list(nodes_of(row[0][0]["Plan"]))
    used = {node["Index Name"] for node in nodes if "Index Name" in node}
    assert "Seq Scan" not in {node["Node Type"] for node in nodes}
    assert used == indexes
    assert sum(map(looked_at, nodes)) <= most_rows


def test_raising_goes_by_its_keys(url):
    """One that was raised before is found by the key, and nothing is written."""
    with psycopg.connect(url) as session:
        assert session.execute(queries("alerts")["raise"], {**A_ROW, "alert_id": "alert-101"}).fetchall() != []
        assert session.execute(queries("alerts")["raise"], {**A_ROW, "alert_id": "alert-101"}).fetchall() == []
        session.rollback()


def test_every_statement_is_known():
    """A statement that is new must be thought about here."""
    named = {query for query, *_ in WORK} | OTHERS
    topics = ("alerts", "alert_windows", "notices")
    assert {f"{topic}.{name}" for topic in topics for name in queries(topic)} == named
