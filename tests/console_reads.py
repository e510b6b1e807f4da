"""How the console reads: each query as it is asked, the indexes that are meant for it, and how much it may look at.

The rows are the bench's (bench/console_rows.py), some ten thousand instead of two million. What decides about a plan is
alike: which share of a table a filter leaves, how many messages a call has, that a page of an answer is small beside
its table. So there are some thousand calls, on three days instead of thirty, and what is asked for is a small part of
them. These plans were compared with those of two million rows; both are made for each set of values anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.console_rows import Amounts, call_id_of

AMOUNTS = Amounts(calls=3000, messages=40_000, long_messages=2000, days=3, sentences=2000, refused=2000)
UNTIL = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
TOPICS = (
    *(
        "console_alerts",
        "console_analytics",
        "console_calls",
        "console_changes",
        "console_messages",
        "console_operations",
    ),
    *("console_pages", "quarantined"),
)
# Of the topics that the console shares with others.
OTHERS = frozenset({"quarantined.list", "quarantined.match", "quarantined.load", "quarantined.delete"})
SMALL = frozenset({"followers", "replays", "silences", "stale_calls", "stale_hours"})
LIMIT = 51
# Twice over: a row of a page is looked up in a second table, or a rank too far.
PAGE = 2 * LIMIT
# Of calls with something that one in five has; all of a long call.
WALKED, OF_LONG_CALL = 20 * LIMIT, 2 * AMOUNTS.long_messages

CALL = call_id_of(AMOUNTS.calls * 8 // 10)
LONG_CALL = call_id_of(AMOUNTS.long_call)
SOME_CALLS = [call_id_of(number) for number in range(100, 105)]
MIDDLE = UNTIL - timedelta(days=2)
OPEN: Mapping[str, Any] = {
    **dict.fromkeys(("status", "assistant_id", "team_id", "llm_model", "since", "until", "search")),
    **dict.fromkeys(("has_interruptions", "slow", "alerts", "after_began_at", "after_call_id")),
    "slow_turn_ms": 3000,
    "limit": LIMIT,
}
OPEN_ALERTS: Mapping[str, Any] = {
    **dict.fromkeys(("rule", "call_id", "severity", "since", "until", "after_raised_at", "after_alert_id")),
    "state": "all",
    "limit": LIMIT,
}
# One alert in 500 (bench/sql/alerts.sql).
OPENED = AMOUNTS.alerts // 500
OF_A_CALL = {"call_id": CALL, "limit": LIMIT}
LATE = {"call_id": LONG_CALL, "limit": LIMIT, "after_spoken_at": UNTIL - timedelta(hours=26)}
CHANGED = {"call_ids": SOME_CALLS, "horizons": [0] * 5, "after_at": None, "after_key": None, "limit": LIMIT}
HOUR = MIDDLE.replace(minute=0)
PERIOD = {
    "since": HOUR,
    "until": HOUR + timedelta(hours=1),
    "days_since": HOUR + timedelta(hours=1),
    "days_until": HOUR + timedelta(hours=1),
    "assistant_id": "assistant-11",
    "llm_model": None,
    "by": "hour",
    "breakdown": "assistant",
    "measures": ["llm_ms"],
    "keys": [],
    "most": 100,
    "most_characters": 200,
}
LIVE = {"began_since": UNTIL - timedelta(days=1), "active_since": UNTIL - timedelta(hours=1), "limit": 100}


@dataclass(frozen=True)
class Read:
    """A query as it is asked, the indexes it must go by, and how many rows it may look at."""

    query: str
    values: Mapping[str, Any]
    indexes: frozenset[str]
    most_rows: int

    def __str__(self) -> str:
        told = (f"{name}={value}" for name, value in self.values.items() if OPEN.get(name) != value)
        return f"{self.query}({', '.join(told)})"[:100]


def read(query: str, values: Mapping[str, Any], *indexes: str, most_rows: int = PAGE) -> Read:
    """Tell how a query is asked and answered."""
    return Read(query, values, frozenset(indexes), most_rows)


def calls(*indexes: str, most_rows: int = PAGE, **filters: Any) -> Read:
    """Tell how the list of calls is asked for and answered."""
    return read("console_calls.list", {**OPEN, **filters}, *indexes, most_rows=most_rows)


def alerts(*indexes: str, most_rows: int = PAGE, **filters: Any) -> Read:
    """Tell how the list of alerts is asked for and answered."""
    return read("console_alerts.list", {**OPEN_ALERTS, **filters}, *indexes, most_rows=most_rows)


WALK = ("calls_by_time", "call_figures_pkey")
TURNS = ("messages_by_time", "messages_by_reply", "message_metrics_pkey")
READS = (
    calls("calls_by_time"),
    calls("calls_by_time", after_began_at=MIDDLE, after_call_id="WC-8"),
    calls("calls_by_time", since=MIDDLE, until=MIDDLE + timedelta(hours=2)),
    calls("calls_by_status", status="failed"),
    calls("calls_by_status", status="failed", after_began_at=MIDDLE, after_call_id="WC-8"),
    calls("calls_by_status", status="no such status"),
    calls("calls_by_assistant", assistant_id="assistant-11"),
    calls("calls_by_assistant", assistant_id="assistant-11", after_began_at=MIDDLE, after_call_id="WC-8"),
    calls("calls_by_team", team_id="team-4"),
    # What many calls have is found soonest by looking at one call after the other.
    calls("calls_by_time", llm_model="gpt-5-mini", most_rows=WALKED),
    calls(*WALK, has_interruptions=True, most_rows=WALKED),
    calls(*WALK, has_interruptions=False, most_rows=WALKED),
    calls(*WALK, slow=True, most_rows=WALKED),
    calls(*WALK, slow=False, most_rows=WALKED),
    calls(*WALK, search="appointment", most_rows=WALKED),
    # What few have, by those few.
    calls("call_figures_by_slowest", "calls_pkey", slow=True, slow_turn_ms=60_000),
    calls("call_figures_by_words", "calls_pkey", search="xylophone"),
    calls("call_figures_by_words", "calls_pkey", search="xylophone", after_began_at=MIDDLE, after_call_id="WC-8"),
    calls("call_figures_by_words", "calls_pkey", search="quetzalcoatlus"),
    calls("call_figures_by_words", "calls_pkey", search='"umbrella zipper"', most_rows=WALKED),
    calls("call_figures_by_words", "calls_pkey", search="the -you"),
    calls("calls_by_assistant", "call_figures_pkey", search="appointment", assistant_id="assistant-12"),
    read("console_calls.find", OF_A_CALL, "calls_pkey"),
    read("console_calls.exists", OF_A_CALL, "calls_pkey"),
    read("console_calls.list_turns", {**OF_A_CALL, "after_turn_id": None, "after_spoken_at": None}, *TURNS),
    read("console_calls.list_turns", {**LATE, "after_turn_id": "user-9"}, *TURNS, most_rows=OF_LONG_CALL),
    read(
        "console_calls.list_statuses",
        {**OF_A_CALL, "after_status": None, "after_occurred_at": None},
        "call_statuses_pkey",
    ),
    read(
        "console_calls.list_interruptions",
        {**OF_A_CALL, "after_message_id": None, "after_interrupted_at": None, "after_ordinal": None},
        "interruptions_pkey",
    ),
    read(
        "console_calls.list_incidents",
        {**OF_A_CALL, "after_incident_id": None, "after_occurred_at": None},
        "incidents_pkey",
    ),
    calls("alerts_pkey", "calls_by_time", alerts=True, most_rows=WALKED),
    calls("alerts_pkey", "calls_by_time", alerts=False, most_rows=WALKED),
    alerts("alerts_by_time"),
    alerts("alerts_by_time", after_raised_at=MIDDLE, after_alert_id="a"),
    alerts("alerts_by_time", since=MIDDLE, until=MIDDLE + timedelta(hours=2)),
    alerts("alerts_by_time", severity="critical", most_rows=WALKED),
    alerts("alerts_by_time", state="resolved", most_rows=PAGE + OPENED),
    alerts("alerts_by_rule", rule="rule_3"),
    alerts("alerts_by_rule", rule="rule_3", after_raised_at=MIDDLE, after_alert_id="a"),
    alerts("alerts_unacknowledged", state="unacknowledged"),
    alerts("alerts_open", state="open"),
    alerts("alerts_pkey", call_id=CALL),
    read(
        "console_alerts.list_of_call",
        {**OF_A_CALL, "after_raised_at": None, "after_alert_id": None},
        "alerts_pkey",
    ),
    read("console_alerts.count_waiting", {"test_rule": "test", "limit": 100}, "alerts_open"),
    read("console_alerts.list_rules", {"limit": LIMIT}, "alerts_by_rule"),
    read(
        "console_alerts.list_silences",
        {"now": UNTIL, "after_ends_at": None, "after_silence_id": None, "limit": LIMIT},
        "silences_by_end",
    ),
    read("console_changes.horizon", {}),
    read("console_changes.calls", CHANGED, "calls_pkey"),
    # Not the order of the index, so all calls of these hours may be sorted.
    read(
        "console_changes.recent_calls",
        {**CHANGED, "since": UNTIL - timedelta(hours=4), "horizon": 0},
        "calls_by_time",
        most_rows=WALKED,
    ),
    read("console_changes.messages", CHANGED, "messages_by_time"),
    read("console_changes.measured", CHANGED, "message_metrics_pkey"),
    read("console_changes.statuses", CHANGED, "call_statuses_pkey"),
    read("console_changes.interruptions", CHANGED, "interruptions_pkey"),
    read("console_changes.incidents", CHANGED, "incidents_pkey"),
    read("console_changes.sentiments", CHANGED, "sentiments_pkey"),
    read("console_changes.alerts", CHANGED, "alerts_pkey", most_rows=2 * PAGE),
    read(
        "console_changes.turns",
        {"call_ids": SOME_CALLS, "turn_ids": ["user-1"] * 5},
        *("messages_pkey", "messages_by_reply", "message_metrics_pkey"),
    ),
    read("console_messages.list", {**OF_A_CALL, "after_message_id": None, "after_spoken_at": None}, "messages_by_time"),
    read("console_messages.list", {**LATE, "after_message_id": "user-9"}, "messages_by_time", most_rows=OF_LONG_CALL),
    read("console_messages.exists", {**OF_A_CALL, "message_id": "user-1"}, "messages_pkey"),
    read(
        "console_messages.list_revisions",
        {**OF_A_CALL, "message_id": "user-1", "after_revision": None},
        "message_revisions_pkey",
    ),
    read(
        "console_messages.list_sentiments",
        {**OF_A_CALL, "after_message_id": None, "after_spoken_at": None},
        "sentiments_pkey",
    ),
    # This kind of index tells the blocks that receipts of a time lie in, 128 at once.
    read("console_operations.count_stored", {"seconds": 60}, "receipts_by_time", most_rows=3 * 128 * 60),
    read(
        "console_operations.list_assistants",
        {"after_assistant_id": None, "latest_calls": 20, "limit": LIMIT},
        "calls_by_assistant",
        most_rows=13 * 22,
    ),
    read("console_operations.list_replays", {"after_replay_id": None, "limit": LIMIT}, "replays_pkey"),
    read("console_pages.list_in_progress", LIVE, "calls_in_progress", "messages_by_time"),
    read("console_pages.list_recent", {**LIVE, "looked_at": LIMIT}, "calls_by_time"),
    read(
        "console_pages.list_marks", {"call_ids": SOME_CALLS}, "alerts_pkey", "call_figures_pkey", "interruptions_pkey"
    ),
    read("console_pages.list_names", {"call_ids": SOME_CALLS}, "calls_pkey"),
    read("console_pages.list_sentiments", {"call_id": CALL, "message_ids": ["user-1", "user-2"]}, "sentiments_pkey"),
    read("console_pages.list_incidents", OF_A_CALL, "incidents_pkey", "messages_pkey", "messages_by_time"),
    read("console_pages.list_teams", {"limit": LIMIT}, "calls_by_team"),
    read(
        "console_pages.count_parts",
        {"call_id": CALL, "message_id": "user-1"},
        *("interruptions_pkey", "messages_by_time", "messages_pkey"),
    ),
    read(
        "console_pages.list_messages",
        {"call_id": LONG_CALL, "offset": 1500, "limit": 100},
        "messages_by_time",
        most_rows=OF_LONG_CALL,
    ),
    read(
        "console_pages.list_turns",
        {"call_id": LONG_CALL, "turn_ids": ["user-1", "user-2"]},
        *("messages_pkey", "messages_by_reply", "message_metrics_pkey"),
        most_rows=OF_LONG_CALL,
    ),
    read(
        "console_pages.list_interruptions",
        {"call_id": CALL, "message_ids": ["user-1", "user-2"]},
        "interruptions_pkey",
    ),
    read("console_analytics.as_of", {}),
    read("console_analytics.groups", PERIOD, "hourly_calls_pkey"),
    read("console_analytics.histograms", PERIOD, "histograms_pkey"),
    read("console_analytics.outcomes", PERIOD, "hourly_outcomes_pkey"),
    read("console_analytics.interrupted_texts", PERIOD, "call_figures_interrupted", "interruptions_pkey"),
    read(
        "quarantined.list_behind",
        {**OPEN, "event_id": None, "reason": None, "after_event_id": None, "after_received_at": None},
        "quarantine_by_time",
    ),
    read(
        "quarantined.list_behind",
        {**OPEN, "event_id": None, "reason": "no_message", "after_event_id": None, "after_received_at": None},
        "quarantine_by_reason",
    ),
    read("quarantined.look", {"event_ids": ["nobody"], "largest": 10, "shown": 4}, "quarantine_pkey"),
    read("quarantined.count", {**OPEN, "event_id": None, "reason": "no_message"}, "quarantine_by_reason"),
)
