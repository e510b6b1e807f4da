"""Alerts about silences: hangs, dead air and calls without end, raised and resolved as time passes."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.publisher import IncomingEvent, Publisher
from shared.rq_names import job_key, queue_key
from shared.settings import Settings
from tests.alerts import ANGRY, BEGINNING, make_rules
from tests.calls import (
    assistant,
    conversation_update,
    hang,
    heard_at,
    status_update,
    user,
    welcome,
)
from workers.alerting.keeper import SPOOLS_DRAINED_AFTER

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=number) for number in (1, 60, 3600, 86_400))
DEAD_AIR = make_rules(dead_air={})


def test_of_several_events_about_a_hang_there_is_one_alert(open_desk):
    """At one place of the conversation it hangs once, at another again; it is over when the assistant speaks."""
    desk = open_desk(make_rules(hang={}))
    history = [welcome(), user(1)]
    # The envelope's clock lags behind the messages.
    late = {"timestamp": heard_at(1) - 15_000}
    desk.send(conversation_update(history), hang(history, **late), hang(history, timestamp=heard_at(1) + 6000))
    assert desk.told() == [("hang", True)]
    history = [*history, assistant(1, llm_ms=8000)]
    desk.send(conversation_update(history))
    assert desk.told() == [("hang", False)]
    history = [*history, user(2)]
    desk.send(conversation_update(history), hang(history))
    assert [(alert["message_id"], alert["resolved_at"] is None) for alert in desk.alerts()] == [
        ("user-1", False),
        ("user-2", True),
    ]


def test_an_old_reply_does_not_end_a_hang(open_desk):
    """Though the event is dated before the newest message, what the assistant had said by then is no answer."""
    desk = open_desk(make_rules(hang={}))
    history = [welcome(), user(1), assistant(1)]
    desk.send(conversation_update(history), hang(history, timestamp=heard_at(1) - 15_000))
    assert desk.told() == [("hang", True)]


def test_hangs_of_which_the_place_is_not_told(open_desk):
    """They are one until the assistant speaks, and another one afterwards."""
    desk = open_desk(make_rules(hang={}))
    desk.send(conversation_update([welcome(), user(1)]))
    desk.send(*(hang(timestamp=heard_at(1) + 5000 * number) for number in range(5)))
    assert desk.told() == [("hang", True)]
    desk.send(conversation_update([welcome(), user(1), assistant(1, llm_ms=30_000)]))
    assert desk.told() == [("hang", False)]
    desk.send(hang(timestamp=heard_at(1) + 60_000))
    assert [(alert["message_id"], alert["resolved_at"] is None) for alert in desk.alerts()] == [("", False), ("", True)]


@pytest.mark.parametrize("number", range(3))
def test_a_hang_is_one_alert_whenever_its_conversation_is_told(number, open_desk):
    """Of several, told without it first, any may be told with it later."""
    desk = open_desk(make_rules(hang={}))
    history = [welcome(), user(1)]
    moments = [heard_at(1) + 5000 * later for later in range(3)]
    desk.send(*(hang(timestamp=moment) for moment in moments))
    desk.send(hang(history, timestamp=moments[number]), conversation_update(history))
    assert desk.told() == [("hang", True)]


def test_a_call_that_was_forwarded_is_not_silent(open_desk):
    """A person has taken over: what was open is over, and nothing is raised, also when the end is told."""
    desk = open_desk(make_rules(dead_air={}, hang={}))
    history = [welcome(), user(1)]
    desk.send(conversation_update(history), hang(history, timestamp=heard_at(1)))
    desk.look(MINUTE)
    assert sorted(desk.told()) == [("dead_air", True), ("hang", True)]
    desk.send(status_update("forwarded", sent_at=heard_at(1) + 2000))
    assert sorted(desk.told()) == [("dead_air", False), ("hang", False)]
    later = [*history, assistant(1), user(2)]
    desk.send(conversation_update(later), hang(later, timestamp=heard_at(2) + 5000))
    desk.look(MINUTE)
    desk.send(status_update("finished", sent_at=heard_at(3)))
    assert len(desk.alerts()) == 2


def test_a_silence_without_end_is_given_up(open_desk):
    """After an hour without a word the end of the call must have been lost."""
    desk = open_desk(make_rules(dead_air={}, hang={}))
    history = [welcome(), user(1)]
    desk.send(conversation_update(history), hang(history, timestamp=heard_at(1)))
    desk.look(MINUTE)
    desk.sweep(30 * MINUTE)
    assert sorted(desk.told()) == [("dead_air", True), ("hang", True)]
    desk.sweep(HOUR)
    assert sorted(desk.told()) == [("dead_air", False), ("hang", False)]


def test_dead_air_is_raised_and_resolved(open_desk):
    """It is raised when the silence has lasted, without any event, and over with the reply."""
    desk = open_desk(DEAD_AIR)
    desk.send(conversation_update([welcome(), user(1)]))
    desk.look(11 * SECOND)
    assert desk.alerts() == []
    desk.look(16 * SECOND)
    desk.look(SECOND)
    assert desk.told() == [("dead_air", True)]
    desk.send(conversation_update([welcome(), user(1), assistant(1)]))
    assert desk.told() == [("dead_air", False)]
    desk.look(HOUR)
    assert desk.notices() == ["dead_air raised", "dead_air resolved"]


@pytest.mark.parametrize("stage", ["transcripts", "lifecycle"])
def test_no_dead_air_while_workers_are_behind(stage, open_desk, redis):
    """What waits may be the reply, or the end of the call."""
    desk = open_desk(DEAD_AIR)
    desk.send(conversation_update([welcome(), user(1)]))
    Publisher(redis, Settings()).publish(IncomingEvent("e" * 32, 0, [stage], b"{}"))
    waiting_since = datetime.now(UTC) - HOUR / 2
    redis.hset(job_key(f"{'e' * 32}-{stage}"), "enqueued_at", waiting_since.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    desk.look(MINUTE)
    assert desk.alerts() == []
    redis.delete(queue_key(stage))
    desk.look()
    assert desk.told() == [("dead_air", True)]


def test_without_redis_no_clock_is_judged(open_desk, servers):
    """Nobody knows then what waits; what events tell is judged all the same."""
    desk = open_desk(make_rules(dead_air={}, negative_sentiment={}, endless_call={}, feed_silence={}))
    servers.stop("valkey")
    try:
        desk.send(conversation_update([welcome(), user(1, text=ANGRY)]))
        desk.look(3 * HOUR)
        desk.sweep()
    finally:
        servers.start("valkey")
    assert desk.told() == [("negative_sentiment", True)]


def test_a_call_without_end_is_told_of(open_desk):
    """Once it has lasted, and until its end is told; not where it began long ago."""
    desk = open_desk(make_rules(endless_call={}))
    began = {"startAt": BEGINNING.isoformat()}
    old = {"startAt": (BEGINNING - 30 * DAY).isoformat()}
    told_late = {"startAt": (BEGINNING - DAY).isoformat()}
    desk.send(status_update("ongoing", call_id="new", **began), status_update("ongoing", call_id="old", **old))
    desk.send(status_update("ongoing", call_id="late", **told_late))
    desk.send(status_update("finished", call_id="late"))
    desk.look(HOUR)
    assert desk.alerts() == []
    desk.look(HOUR + SECOND)
    assert [alert["call_id"] for alert in desk.alerts()] == ["new"]
    desk.send(status_update("finished", call_id="new", **began))
    assert desk.notices() == ["endless_call raised", "endless_call resolved"]


def test_a_rule_is_about_its_assistants_by_the_clock_too(open_desk):
    """A silent call of another assistant is not found, however often one looks."""
    desk = open_desk(make_rules(dead_air={"assistants": ["one"]}, endless_call={"assistants": ["one"]}))
    for name in ("one", "two"):
        call = {"assistantId": name, "startAt": BEGINNING.isoformat()}
        desk.send(conversation_update([welcome(), user(1)], call_id=name, call=call))
    desk.look(MINUTE)
    desk.look(3 * HOUR)
    assert {alert["call_id"] for alert in desk.alerts()} == {"one"}


def test_what_ingests_kept_meanwhile_is_waited_for(open_desk, servers):
    """Shortly after Redis has come back no clock is judged: what waits in a spool may be the reply."""
    desk = open_desk(DEAD_AIR)
    desk.send(conversation_update([welcome(), user(1)]))
    servers.stop("valkey")
    try:
        desk.look(MINUTE)
    finally:
        servers.start("valkey")
    desk.look(SPOOLS_DRAINED_AFTER - SECOND)
    assert desk.alerts() == []
    desk.look(SECOND)
    assert desk.told() == [("dead_air", True)]
