"""Alerts about windows: rates and percentiles of what was stored, flapping, and backlogs."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from shared.publisher import IncomingEvent, Publisher
from shared.rq_names import job_key
from shared.settings import Settings
from tests.alerts import BEGINNING, Desk, make_rules
from tests.calls import assistant, conversation_update, error, hang, having, heard_at, user, welcome
from workers.alerting.keeper import SPOOLS_DRAINED_AFTER
from workers.alerting.windows import LONGEST_CALL

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=number) for number in (1, 60, 3600, 86_400))
BEGAN = {"startAt": BEGINNING.isoformat()}
HANG_RATE = make_rules(hang_rate={"minimum_calls": 4, "rate_above": 0.5, "window": "1h", "clear_for": "10m"})


def talk(desk: Desk, calls: int, *, hung: int = 0, **call: Any) -> None:
    """Have so many calls of one turn, in some of which the assistant hangs; those of each assistant are others."""
    for number in range(calls):
        told = {"call_id": f"call-{call.get('assistantId', '')}{number}", "call": {**BEGAN, **call}}
        desk.send(conversation_update([welcome(), user(1), assistant(1)], **told))
        if number < hung:
            desk.send(hang(timestamp=heard_at(1), **told))


def detail(desk: Desk) -> Mapping[str, Any]:
    """Read the figures of the one alert."""
    (alert,) = desk.alerts()
    return alert["detail"]


@pytest.mark.parametrize(("calls", "hung", "number"), [(4, 2, 0), (4, 3, 1), (3, 3, 0)])
def test_the_share_of_calls_that_hang(calls, hung, number, open_desk):
    """It is told above the threshold, where enough calls were active."""
    desk = open_desk(HANG_RATE)
    talk(desk, calls, hung=hung)
    desk.sweep(HOUR / 2)
    assert len(desk.alerts()) == number
    if number:
        expected = {"kind": "hang_rate", "rate": 0.75, "calls": 4, "hangs": 3, "threshold": 0.5, "window_seconds": 3600}
        assert detail(desk) == expected


def test_only_the_window_counts(open_desk):
    """Before it and after it nothing is found."""
    desk = open_desk(HANG_RATE)
    talk(desk, 4, hung=4)
    desk.sweep(-HOUR)
    desk.sweep(3 * HOUR)
    assert desk.alerts() == []


def test_a_long_call_is_active_at_its_end(open_desk):
    """What counts is what happens in the window, for hours after the call began."""
    desk = open_desk(HANG_RATE)
    start = BEGINNING - LONGEST_CALL + HOUR
    talk(desk, 4, hung=4, startAt=start.isoformat())
    desk.sweep(MINUTE)
    assert detail(desk)["calls"] == 4


def test_flapping_is_one_alert(open_desk):
    """While the condition comes and goes the alert stays open; it is resolved once, when it has been over for long."""
    desk = open_desk(HANG_RATE)
    talk(desk, 4, hung=3)
    desk.sweep(MINUTE)
    for _ in range(10):
        desk.run("update incidents set kind = case kind when 'hang' then 'h' else 'hang' end")
        desk.sweep(3 * MINUTE)
    assert desk.told() == [("hang_rate", True)]
    assert desk.alerts()[0]["clear_since"] is None
    desk.run("update incidents set kind = 'h'")
    for _ in range(5):
        desk.sweep(3 * MINUTE)
    assert desk.told() == [("hang_rate", False)]
    assert desk.notices() == ["hang_rate raised", "hang_rate resolved"]
    desk.run("update incidents set kind = 'hang'")
    desk.sweep(SECOND)
    assert desk.told() == [("hang_rate", False), ("hang_rate", True)]


def test_errors_are_counted_by_provider(open_desk):
    """As a share of the turns and themselves; one whose provider is not told is counted as unknown."""
    desk = open_desk(make_rules(error_rate={"minimum_errors": 2, "rate_above": 0.3, "window": "5m"}))
    talk(desk, 2)
    for number, provider in enumerate(["gemini", "gemini", "gemini", "", "", "openai"]):
        fault = {"type": "llm_error", "code": f"code-{number}", "provider": provider}
        desk.send(error(call_id="call-0", error=fault, timestamp=heard_at(1)))
    desk.sweep(MINUTE)
    found = {alert["subject"]: (alert["detail"]["errors"], alert["detail"]["rate"]) for alert in desk.alerts()}
    assert found == {"gemini": (3, 0.6), "unknown": (2, 0.5)}


@pytest.mark.parametrize(("error_type", "number"), [("llm_error", 1), ("stt_error", 0)])
def test_errors_of_one_type(error_type, number, open_desk):
    """A rule may be about one type of them."""
    desk = open_desk(make_rules(error_rate={"minimum_errors": 1, "error_type": error_type}))
    talk(desk, 1)
    desk.send(error(call_id="call-0", timestamp=heard_at(1)))
    desk.sweep(MINUTE)
    assert len(desk.alerts()) == number


@pytest.mark.parametrize("by", ["all", "assistant"])
def test_turn_latency(by, open_desk):
    """Over all calls, or for each assistant by itself."""
    desk = open_desk(make_rules(turn_latency={"minimum_turns": 3, "above_ms": 3900, "percentile": 0.5, "by": by}))
    talk(desk, 3, assistantId="one")
    slow = assistant(1, llm_ms=5000)
    for number in range(3, 6):
        call = {**BEGAN, "assistantId": "two"}
        desk.send(conversation_update([welcome(), user(1), slow], call_id=f"call-{number}", call=call))
    desk.sweep(MINUTE)
    expected = {"all": ("", 6, pytest.approx(5137.5)), "assistant": ("two", 3, 6359)}
    (alert,) = [alert for alert in desk.alerts() if alert["subject"] != "one"]
    assert (alert["subject"], alert["detail"]["turns"], alert["detail"]["latency_ms"]) == expected[by]
    assert len(desk.alerts()) == (1 if by == "all" else 2)


def test_interruptions_are_counted_as_figures_are(open_desk):
    """Of each call the kind that has more, as a share of the assistant's messages."""
    desk = open_desk(make_rules(interruption_rate={"minimum_replies": 2, "rate_above": 0.4}))
    skipped = [{"messageId": "welcome-1", "text": "Good"}]
    desk.send(conversation_update([welcome(), user(1, skipped=skipped), assistant(1)], call={**BEGAN}))
    desk.run(
        "insert into interruptions (call_id, message_id, ordinal, interrupted_at, kind, version, fingerprint)"
        " select call_id, 'm', -1, interrupted_at, 'barge_in', version, 1 from interruptions"
    )
    desk.sweep(MINUTE)
    assert (detail(desk)["interruptions"], detail(desk)["replies"], detail(desk)["rate"]) == (1, 2, 0.5)


def test_windows_may_be_about_some_assistants(open_desk):
    """Calls of others do not count."""
    desk = open_desk(make_rules(hang_rate={"minimum_calls": 1, "assistants": ["one"]}))
    talk(desk, 2, hung=2, assistantId="two")
    desk.sweep(MINUTE)
    assert desk.alerts() == []
    talk(desk, 2, hung=2, assistantId="one")
    desk.sweep()
    assert desk.told() == [("hang_rate", True)]


def test_a_window_that_cannot_be_judged_holds_nobody_up(open_desk, caplog):
    """The others are judged, its own open alert stays as it is, and the log names it."""
    rules = make_rules(hang_rate={"minimum_calls": 1}, turn_latency={"minimum_turns": 1, "above_ms": 1})
    desk = open_desk(rules)
    talk(desk, 1, hung=1)
    desk.sweep(MINUTE)
    desk.run("update incidents set kind = 'h'")
    desk.run("alter table incidents rename to reported")
    desk.run(
        "create view incidents as select call_id, occurred_at, (1 / (length(kind) - 1))::text as kind from reported"
    )
    for _ in range(3):
        desk.sweep(15 * MINUTE)
    assert sorted(desk.told()) == [("hang_rate", True), ("turn_latency", False)]
    skipped = [record.fields["key"] for record in caplog.records if record.getMessage() == "alerts.skipped"]
    assert skipped == ["hang_rate"] * 3


def test_a_hang_before_the_window_does_not_count(open_desk):
    """Though the calls are active in the window, in which they go on."""
    desk = open_desk(HANG_RATE)
    talk(desk, 4, hung=4)
    later = having(user(2), "timestamp", value=heard_at(1) + 3 * 3_600_000)
    for number in range(4):
        desk.send(conversation_update([welcome(), user(1), assistant(1), later], call_id=f"call-{number}"))
    desk.sweep(3 * HOUR + MINUTE)
    assert desk.alerts() == []


@pytest.mark.parametrize("stage", ["transcripts", "lifecycle", "metrics", "interruptions"])
def test_a_backlog_neither_ends_nor_hides_anything(stage, open_desk, redis):
    """A window ends where what was received is stored: what waits is judged once it is stored, and nothing is over."""
    desk = open_desk(HANG_RATE)
    talk(desk, 4, hung=4)
    desk.sweep(MINUTE)
    fall_behind(redis, stage, 5 * HOUR)
    for _ in range(10):
        desk.sweep(HOUR / 2)
        fall_behind(redis, stage, desk.now - BEGINNING)
    assert desk.told() == [("hang_rate", True)]
    assert desk.alerts()[0]["clear_since"] is None


def test_a_spike_that_is_stored_late_is_told(open_desk, redis):
    """By the time it is stored it lies hours back, and its window is looked at all the same."""
    desk = open_desk(HANG_RATE)
    desk.now += 5 * HOUR
    talk(desk, 4, hung=4)
    fall_behind(redis, "transcripts", 5 * HOUR - MINUTE)
    desk.sweep()
    assert desk.told() == [("hang_rate", True)]


def test_without_redis_windows_stay_as_they_are(open_desk, servers):
    """Nobody knows then what waits; nor shortly afterwards, while ingests hand over what came in meanwhile."""
    desk = open_desk(HANG_RATE)
    talk(desk, 4, hung=4)
    desk.sweep(MINUTE)
    servers.stop("valkey")
    try:
        desk.sweep(3 * HOUR)
    finally:
        servers.start("valkey")
    desk.sweep(SPOOLS_DRAINED_AFTER - SECOND)
    assert desk.alerts()[0]["clear_since"] is None
    desk.sweep(SECOND)
    assert desk.alerts()[0]["clear_since"] is not None


def fall_behind(redis: Redis, stage: str, behind: timedelta) -> None:
    """Have a job of a stage wait for so long."""
    Publisher(redis, Settings()).publish(IncomingEvent("e" * 32, 0, [stage], b"{}"))
    since = datetime.now(UTC) - behind
    redis.hset(job_key(f"{'e' * 32}-{stage}"), "enqueued_at", since.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
