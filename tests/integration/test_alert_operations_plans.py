"""What people ask of alerts goes by indexes, however many there are."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from shared.queries import queries
from tests.integration.test_console_plans import looked_at, nodes_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
# Nearly all alerts are over, and nearly all notices delivered; of a hundred rules each has some.
ROWS = """
    insert into alerts (alert_id, call_id, rule, severity, raised_at, began_at, resolved_at, acknowledged_at)
    select
        md5(number::text), 'WC-' || number %% 9000, 'rule_' || number %% 100, 'info',
        moment, moment, case when number > 10 then moment end, case when number %% 300 <> 0 then moment end
    from generate_series(1, 30000) as number,
        lateral (select %(noon)s - number * interval '1 minute' as moment) as times;
    insert into notices (call_id, alert_id, channel, what, delivered_at)
    select call_id, alert_id, 'slack', 'raised', case when resolved_at is not null then raised_at end from alerts;
    insert into silences (rule, starts_at, ends_at, who)
    select 'hang', moment, moment + interval '1 hour', 'ann'
    from generate_series(1, 5000) as number, lateral (select %(noon)s - number * interval '1 day' as moment) as times;
"""
ANY = {
    "state": "all",
    "rule": None,
    "call_id": None,
    "since": None,
    "behind_at": None,
    "behind_id": None,
    "limit": 50,
}
BEHIND = {"behind_at": NOON - timedelta(minutes=15_000), "behind_id": "8"}
ALERT_IDS = {"alert_ids": ["c4ca4238a0b923820dcc509a6f75849b"], "who": "ann", "now": NOON}
OF_ALERT = {"call_id": "WC-1", "alert_id": "c4ca4238a0b923820dcc509a6f75849b"}
Asked = tuple[str, Mapping[str, Any], set[str]]
ASKED: tuple[Asked, ...] = (
    ("list_alerts", ANY, {"alerts_by_time"}),
    ("list_alerts", {**ANY, **BEHIND}, {"alerts_by_time"}),
    ("list_alerts", {**ANY, "since": NOON - timedelta(hours=1)}, {"alerts_by_time"}),
    ("list_alerts", {**ANY, "state": "open"}, {"alerts_open"}),
    ("list_alerts", {**ANY, "state": "unacknowledged"}, {"alerts_unacknowledged"}),
    ("list_alerts", {**ANY, "rule": "rule_7"}, {"alerts_by_rule"}),
    ("list_alerts", {**ANY, "call_id": "WC-7"}, {"alerts_pkey"}),
    ("find_alerts", {"beginning": "c4ca"}, {"alerts_by_id"}),
    ("acknowledge", ALERT_IDS, {"alerts_by_id"}),
    ("list_silences", {"now": NOON}, {"silences_by_end"}),
    ("end_silence", {"silence_id": 1, "now": NOON - timedelta(days=4000)}, {"silences_pkey"}),
    ("read_notices", OF_ALERT, {"notices_call_id_alert_id_channel_what_key"}),
    ("read_first_waiting", {"channel": "slack"}, {"notices_to_deliver"}),
    ("read_oldest_waiting", {"channels": ["webhook", "slack", "email"]}, {"notices_to_deliver"}),
)


@pytest.fixture(scope="module")
def url(servers) -> Iterator[str]:
    """The address of a database of many alerts."""
    url = servers.create_database("alerted", "earshot_template")
    with psycopg.connect(url, autocommit=True) as session:
        for statement in ROWS.split(";\n")[:-1]:
            session.execute(statement, {"noon": NOON})
        session.execute("vacuum (analyze)")
    yield url
    servers.drop_database("alerted")


@pytest.mark.parametrize(("query", "values", "indexes"), ASKED, ids=[f"{n}-{a[0]}" for n, a in enumerate(ASKED)])
def test_alerts_are_read_by_indexes(url, query, values, indexes):
    """Each by the one that is meant for it, and few rows beside those that are wanted."""
    with psycopg.connect(url) as session:
        explained = f"explain (analyze, format json) {queries('alert_operations')[query]}"
        plan = session.execute(explained, values).fetchone()[0][0]["Plan"]
        session.rollback()
    nodes = list(nodes_of(plan))
    assert {node["Index Name"] for node in nodes if "Index Name" in node} == indexes
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    assert sum(map(looked_at, nodes)) <= 400
