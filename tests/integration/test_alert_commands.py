"""`earshot alerts` on real servers: what it lists, what it changes, and what it refuses."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from earshot.cli import main
from shared.alerting.alerts import AlertFilter, Alerts
from shared.database import Database

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CHANNELS = {
    "ALERT_SLACK_URL": "https://hooks.slack.example/services/word",
    "ALERT_SMTP_URL": "smtp://mail.example",
    "ALERT_EMAIL_FROM": "alerts@example.com",
    "ALERT_EMAIL_TO": "ann@example.com",
}

Earshot = Callable[..., Result]


@pytest.fixture
def earshot(settings_of_programs: Mapping[str, str], tmp_path: Path) -> Earshot:
    """Run `earshot alerts` inside this process."""
    known = {**settings_of_programs, "EARSHOT_DATA_DIR": str(tmp_path)}
    return lambda *words, **more: CliRunner().invoke(main, ["alerts", *words], env={**known, **more})


@pytest.fixture
def alerts(store: Database) -> Alerts:
    return Alerts(store)


def add(database, number: int, **changed: object) -> str:
    """Raise an alert, so many minutes before noon; gives its id."""
    raised_at = NOON - timedelta(minutes=number)
    row = {
        "alert_id": f"{number:08x}" + "0" * 24,
        "call_id": f"WC-{number}",
        "rule": "hang",
        "severity": "warning",
        "raised_at": raised_at,
        "began_at": raised_at,
        "subject": "",
        "resolved_at": None,
        "acknowledged_at": None,
        "is_silenced": False,
        **changed,
    }
    names, values = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    database.execute(f"insert into alerts ({names}) values ({values})", row)
    return str(row["alert_id"])


def listed(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [alert["call_id"] for alert in json.loads(result.output)["alerts"]]


def test_a_list_has_what_is_asked_for(database, earshot):
    """Open ones, newest first, unless others are asked for; by rule, call and time."""
    add(database, 3)
    add(database, 1, rule="call_cost", resolved_at=NOON)
    add(database, 2, acknowledged_at=NOON)
    assert listed(earshot("list", "--json")) == ["WC-2", "WC-3"]
    assert listed(earshot("list", "--json", "--all")) == ["WC-1", "WC-2", "WC-3"]
    assert listed(earshot("list", "--json", "--unacknowledged")) == ["WC-1", "WC-3"]
    assert listed(earshot("list", "--json", "--all", "--rule", "call_cost")) == ["WC-1"]
    assert listed(earshot("list", "--json", "--call", "WC-3")) == ["WC-3"]
    assert listed(earshot("list", "--json", "--all", "--since", "2026-11-23T11:58")) == ["WC-1", "WC-2"]
    assert listed(earshot("list", "--json", "--limit", "1")) == ["WC-2"]


def test_a_list_for_people_is_whole_and_harmless(database, earshot):
    """Each alert is a line with its state; ids from outside cannot colour the terminal."""
    add(database, 1, call_id="WC-\x1b[31mred\n", resolved_at=NOON, is_silenced=True, acknowledged_at=NOON)
    add(database, 2, call_id="", rule="llm_errors", severity="critical", subject="openai")
    shown = earshot("list", "--all")
    first, second = shown.output.splitlines()[1:]
    assert "resolved, acknowledged, silenced" in first
    assert "WC-?[31mred?" in first
    assert "\x1b" not in shown.output
    assert second.split()[:7] == ["2026-11-23", "11:58:00", "critical", "llm_errors", "open", "-", "openai"]
    assert "There are more" in earshot("list", "--all", "--limit", "1").output


def test_an_empty_list_says_so(earshot):
    """There is nothing to mend, so the status is 0."""
    shown = earshot("list")
    assert (shown.exit_code, shown.output.splitlines()[0][:10]) == (0, "No alerts,")


def test_pages_follow_each_other_without_gap_or_repetition(database, alerts):
    """Also where several were raised in the same moment."""
    for number in range(20):
        add(database, number, raised_at=NOON - timedelta(minutes=number // 5))
    seen, place = [], None
    while page := alerts.list(AlertFilter("all"), 3, place):
        seen += [alert.alert_id for alert in page]
        place = page[-1].place
    assert seen == sorted(seen)
    assert len(seen) == 20


def test_an_alert_is_acknowledged_once(database, earshot):
    """By a beginning of its id; who was first stays, and another time says so."""
    alert_id = add(database, 0x1234)
    assert earshot("acknowledge", alert_id[:8], alert_id).output == "1 acknowledged\n"
    first = database.execute("select acknowledged_at, acknowledged_by from alerts").fetchone()
    assert all(first)
    assert earshot("acknowledge", alert_id).output == "0 acknowledged, 1 had been acknowledged before\n"
    assert database.execute("select acknowledged_at, acknowledged_by from alerts").fetchone() == first


@pytest.mark.parametrize(
    ("alert_id", "told"),
    [("0000000", "Several alerts begin with 0000000"), ("ffff", "No alert begins with ffff"), ("%\x1b", "32 of the")],
)
def test_an_alert_that_is_not_named_clearly_is_not_acknowledged(alert_id, told, database, earshot):
    """Nor are the others that are named beside it."""
    known = add(database, 1)
    add(database, 2)
    shown = earshot("acknowledge", known, alert_id)
    assert (shown.exit_code, told in shown.output) == (1, True)
    assert database.execute("select count(*) from alerts where acknowledged_at is not null").fetchone() == (0,)


def test_a_rule_is_silenced_for_a_while(earshot, database, alerts):
    """Until the time that is told; then nothing is left of it but the row."""
    shown = earshot("silence", "hang", "--for", "2h", "--call", "WC-1", "--reason", "we know")
    assert shown.output.startswith("silence 1 holds until ")
    rule, call_id, lasts, reason = database.execute(
        "select rule, call_id, ends_at - starts_at, reason from silences"
    ).fetchone()
    assert (rule, call_id, reason) == ("hang", "WC-1", "we know")
    assert abs(lasts - timedelta(hours=2)) < timedelta(seconds=5)
    assert "we know" in earshot("silences").output
    assert earshot("unsilence", "1").output == "silence 1 has ended\n"
    assert earshot("silences").output == "No silence holds.\n"
    again = earshot("unsilence", "1")
    assert (again.exit_code, "No silence 1 holds" in again.output) == (1, True)


def test_all_rules_are_silenced(earshot, alerts):
    """For every call."""
    assert earshot("silence", "--all", "--for", "1d").exit_code == 0
    (silence,) = alerts.silences()
    assert (silence.rule, silence.call_id) == ("", "")
    (told,) = json.loads(earshot("silences", "--json").output)["silences"]
    assert told["silence_id"] == silence.silence_id


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("silence", "--for", "2h"), 2, "name a RULE"),
        (("silence", "hang", "--all", "--for", "2h"), 2, "name a RULE"),
        (("silence", "hang"), 2, "--for"),
        (("silence", "hang", "--for", "2 hours"), 2, "no length of time"),
        (("silence", "hang", "--for", "32d"), 2, "from 1s to 31d"),
        (("silence", "hang", "--for", "0s"), 2, "from 1s to 31d"),
        (("silence", "hang_rates", "--for", "2h"), 1, "Did you mean hang_rate?"),
        (("silence", "hang", "--for", "2h", "--reason", "x" * 501), 2, "at most 500"),
        (("unsilence", "0"), 2, "range"),
        (("unsilence", "abc"), 2, "'abc' is not a valid whole number."),
        (("list", "--limit", "1.5"), 2, "'1.5' is not a valid whole number."),
        (("test", "--wait", "abc"), 2, "'abc' is not a valid number."),
        (("list", "--all", "--unacknowledged"), 2, "not both"),
        (("list", "--since", "yesterday"), 2, "neither a time"),
    ],
)
def test_what_makes_no_sense_is_refused(words, status, told, earshot, alerts):
    """With a word on what would, and nothing is changed."""
    shown = earshot(*words)
    assert (shown.exit_code, told in shown.output) == (status, True), shown.output
    assert list(alerts.silences()) == []


def test_a_silence_that_is_over_is_not_listed(store):
    """By the clock of who asks."""
    Alerts(store, lambda: NOON).silence("hang", "", NOON + timedelta(hours=1), "ann", "")
    assert len(Alerts(store, lambda: NOON + timedelta(minutes=59)).silences()) == 1
    assert list(Alerts(store, lambda: NOON + timedelta(minutes=60)).silences()) == []
    assert list(Alerts(store, lambda: NOON - timedelta(seconds=1)).silences()) == []


def test_the_rules_in_force_are_shown(earshot, tmp_path):
    """With what they ask, and who is told by which channel."""
    path = tmp_path / "rules.toml"
    path.write_text(
        '[rules.hang_rate]\nwindow = "90m"\nchannels = ["webhook"]\n[rules.hang]\nenabled = false\n'
        "[rules.call_cost]\n[rules.dead_air]\nchannels = []\n"
    )
    shown = earshot("rules", ALERTS_FILE=str(path), **CHANNELS)
    rate, hang, cost, dead_air = (line.split("  ") for line in shown.output.splitlines()[1:5])
    assert rate[0] == "hang_rate"
    assert "window 90m, clear_for 10m, rate_above 0.05, minimum_calls 20" in " ".join(rate)
    assert rate[-1] == "webhook (not set up)"
    assert (hang[-1].strip(), cost[-1].strip(), dead_air[-1].strip()) == ("off", "slack, email", "nobody")
    document = json.loads(earshot("rules", "--json", ALERTS_FILE=str(path), **CHANNELS).output)
    assert document["rules"]["hang_rate"]["window"] == "90m"
    assert document["channels"] == ["slack", "email"]


@pytest.mark.parametrize("text", ["", "[rules.hang]\nenabled = false\n"])
def test_that_no_rule_is_enabled_is_said(text, earshot, tmp_path):
    """Nobody has to conclude it from a table, or from its absence."""
    path = tmp_path / "rules.toml"
    path.write_text(text)
    shown = earshot("rules", ALERTS_FILE=str(path))
    assert (shown.exit_code, "No rule is enabled: no alert is raised." in shown.output) == (0, True)
    path.write_text("[rules.hang]\n")
    assert "No rule is enabled" not in earshot("rules", ALERTS_FILE=str(path)).output


@pytest.mark.parametrize("words", [("rules",), ("silence", "hang", "--for", "1h"), ("test",)])
def test_wrong_settings_end_the_command(words, earshot, tmp_path):
    """With the status of wrong settings, the line of the file, and no secret."""
    path = tmp_path / "rules.toml"
    path.write_text("[rules.hang]\nseverity = 1\n")
    shown = earshot(*words, ALERTS_FILE=str(path), ALERT_WEBHOOK_SECRET="topsecret")
    assert shown.exit_code == 2
    assert "line 2: rules.hang.severity" in shown.output or "ALERT_WEBHOOK_URL: is not set" in shown.output
    assert "topsecret" not in shown.output


def test_servers_that_are_away_are_told(earshot):
    """In a sentence, with the setting."""
    away = {"DATABASE_URL": "postgresql://u:topsecret@127.0.0.1:1/d"}
    shown = earshot("list", **away)
    assert (shown.exit_code, "PostgreSQL cannot be asked" in shown.output) == (1, True)
    assert "topsecret" not in shown.output
    no_redis = earshot("test", REDIS_URL="redis://127.0.0.1:1", REDIS_TIMEOUT_SECONDS="1", **CHANNELS)
    assert (no_redis.exit_code, "Redis cannot be asked" in no_redis.output) == (1, True)
