"""Alerts about calls: raised once whatever is repeated, in any order, and resolved when they are over."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from shared.announcements import CHANNEL
from tests.alerts import ANGRY, BEGINNING, Desk, angry_call, forget_progress, make_rules
from tests.calls import (
    assistant,
    conversation_update,
    end_of_call_report,
    event,
    hang,
    having,
    heard_at,
    realistic_call,
    status_update,
    user,
    welcome,
)
from tests.figures import run_jobs
from workers.rebuilding import Rebuild, Selection

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=number) for number in (1, 60, 3600, 86_400))
EVERY_KIND = make_rules(
    **{name: {} for name in ("negative_sentiment", "hang", "stt_confidence", "dead_air", "endless_call")},
    call_cost={"above": 0.1},
    **{name: {} for name in ("hang_rate", "error_rate", "turn_latency", "interruption_rate", "feed_silence")},
)
ANGER = make_rules(negative_sentiment={})


def rebuild(desk: Desk, stage: str) -> None:
    """Run a stage again over everything that is kept."""
    again = Rebuild(desk.session.info.dsn, 20, Selection(stage), dry_run=False)
    assert list(again.run())
    again.close()


@pytest.mark.parametrize("seed", range(6))
def test_ten_snapshots_in_any_order_are_one_alert(seed, open_desk):
    """However they are ordered, repeated, split between looks and batched, the call is angry once."""
    desk, random = open_desk(ANGER), Random(seed)
    events = angry_call(turns=10)
    told = random.sample(events, len(events)) + random.choices(events, k=5)
    for one in told:
        run_jobs(desk.store, [(stage, [one]) for stage in random.sample(["transcripts", "sentiment"], 2)])
        if random.random() < 0.4:
            desk.look()
    desk.look()
    assert desk.session.execute("select count(*) from sentiments").fetchone() == {"count": 10}
    assert desk.told() == [("negative_sentiment", True)]
    assert desk.notices() == ["negative_sentiment raised"]


def test_an_old_call_is_judged_by_what_it_says_and_by_no_clock(open_desk):
    """What comes in of months ago raises anger, and neither silence, nor an endless call, nor anything of a window."""
    desk = open_desk(EVERY_KIND)
    desk.now = datetime.now(UTC)
    desk.send(*angry_call())
    desk.sweep()
    assert desk.told() == [("negative_sentiment", True)]
    (alert,) = desk.alerts()
    assert (alert["call_id"], alert["message_id"], alert["severity"]) == ("angry", "user-2", "warning")
    assert alert["began_at"] == BEGINNING + timedelta(milliseconds=heard_at(2) + 1001 - heard_at(0))
    assert alert["raised_at"] == desk.now
    assert {name: alert["detail"][name] for name in ("kind", "label", "threshold")} == {
        "kind": "negative_sentiment",
        "label": "negative",
        "threshold": 0.8,
    }


@pytest.mark.parametrize("tell_end", [True, False])
def test_the_end_of_a_call_resolves_what_it_raised(open_desk, tell_end):
    """Where that is wanted, those that were told of it are told; what comes later of the call raises nothing again."""
    desk = open_desk(make_rules(negative_sentiment={"tell_end": tell_end}))
    events = angry_call()
    desk.send(*events)
    desk.send(end_of_call_report(call_id="angry"))
    desk.send(*events, status_update("finished", call_id="angry"))
    assert desk.told() == [("negative_sentiment", False)]
    resolved = ["negative_sentiment resolved"] if tell_end else []
    assert desk.notices() == ["negative_sentiment raised", *resolved]


def test_what_is_over_when_it_is_found_is_told_once(open_desk):
    """A call that has ended is told of, and not that it is over."""
    desk = open_desk(ANGER)
    desk.send(end_of_call_report(call_id="angry"), *angry_call())
    (alert,) = desk.alerts()
    assert alert["resolved_at"] == alert["raised_at"] == desk.now
    assert desk.notices() == ["negative_sentiment raised"]


def test_a_corrected_wording_does_not_undo_it(open_desk):
    """What happened stays told until the call is over, and is told once."""
    desk = open_desk(ANGER)
    messages = [welcome(), user(1, text=ANGRY)]
    desk.send(conversation_update(messages))
    calm = [messages[0], having(messages[1], "text", value="Thank you, that was very kind of you!"), assistant(1)]
    desk.send(conversation_update(calm))
    assert desk.told() == [("negative_sentiment", True)]
    desk.send(conversation_update([*calm, user(2, text=ANGRY)]))
    assert desk.told() == [("negative_sentiment", True)]
    desk.send(end_of_call_report())
    assert desk.told() == [("negative_sentiment", False)]


@pytest.mark.parametrize("loss", ["select 1", "delete from sentiments", "delete from incidents"])
def test_replay_and_rebuild_raise_nothing_again(loss, open_desk):
    """What was raised stays as it is when everything is told again, also where rows were lost before."""
    desk = open_desk(EVERY_KIND)
    desk.send(*angry_call(), hang([welcome(), user(1)], call_id="angry"))
    before = desk.alerts()
    desk.run(loss)
    for stage in ("sentiment", "transcripts", "lifecycle"):
        rebuild(desk, stage)
    desk.look()
    desk.send(*angry_call(), hang([welcome(), user(1)], call_id="angry"))
    desk.sweep()
    assert desk.alerts() == before
    assert {alert["rule"] for alert in before} == {"negative_sentiment", "hang"}


def test_history_raises_nothing(store, open_desk, database):
    """What was stored before anybody followed is told of neither at the first start nor by a rebuild of it all."""
    forget_progress(database)
    events = [*angry_call(), hang([welcome(), user(1)], call_id="angry"), end_of_call_report(call_id="angry")]
    run_jobs(store, [(stage, [one]) for one in events for stage in ("transcripts", "lifecycle", "sentiment")])
    desk = open_desk(EVERY_KIND)
    desk.now = datetime.now(UTC)
    for stage in ("sentiment", "lifecycle"):
        desk.run("delete from sentiments")
        rebuild(desk, stage)
    desk.look()
    desk.sweep()
    assert desk.alerts() == []


def test_bad_transcription_and_costs(open_desk):
    """The mean of enough messages, and the report's costs, each once a call."""
    desk = open_desk(make_rules(stt_confidence={"below": 0.6, "minimum_messages": 3}, call_cost={"above": 0.3}))
    messages = [user(number, confidence=0.5) for number in (1, 2)]
    desk.send(conversation_update(messages))
    assert desk.alerts() == []
    desk.send(conversation_update([*messages, user(3, confidence=0.6)]))
    assert desk.told() == [("stt_confidence", True)]
    assert desk.alerts()[0]["detail"]["messages"] == 3
    assert desk.alerts()[0]["detail"]["confidence"] == pytest.approx(0.5333, abs=0.001)
    desk.send(end_of_call_report())
    assert sorted(desk.told()) == [("call_cost", False), ("stt_confidence", False)]


@pytest.mark.parametrize("seed", range(4))
def test_generated_calls_are_told_of_once(seed, open_desk):
    """Live, out of order, repeated or rebuilt, by a clock that goes on: no thing has two alerts, and all end."""
    desk, random = open_desk(EVERY_KIND), Random(seed)
    calls = [realistic_call(random, messages=12, call_id=f"call-{number}") for number in range(3)]
    events = [one for call in calls for one in call]
    for one in random.sample(events, len(events)):
        desk.send(one)
        desk.look(2 * SECOND)
    things = [(alert["call_id"], alert["rule"], alert["message_id"], alert["began_at"]) for alert in desk.alerts()]
    rules_of_call = [(alert["call_id"], alert["rule"]) for alert in desk.alerts() if alert["rule"] != "hang"]
    assert len(things) == len(set(things))
    assert len([one for one in rules_of_call if one[1] != "dead_air"]) == len(
        {one for one in rules_of_call if one[1] != "dead_air"}
    )
    before = desk.alerts()
    desk.send(*random.sample(events, len(events)))
    rebuild(desk, "sentiment")
    desk.look(HOUR)
    assert [alert["alert_id"] for alert in desk.alerts()] == [alert["alert_id"] for alert in before]
    assert all(alert["resolved_at"] for alert in desk.alerts() if alert["call_id"])


def test_each_message_may_have_an_alert(open_desk):
    """Where a rule wants that; changed to one a call, the call has another, and all are over with it."""
    desk = open_desk(make_rules(negative_sentiment={"per": "message"}))
    desk.send(*angry_call(turns=3))
    assert [alert["message_id"] for alert in desk.alerts()] == ["user-2", "user-3"]
    desk.change_rules(ANGER)
    desk.sweep()
    assert [alert["message_id"] for alert in desk.alerts()] == ["user-2", "user-2", "user-3"]
    desk.send(end_of_call_report(call_id="angry"))
    assert not [is_open for _, is_open in desk.told() if is_open]


@pytest.mark.parametrize("rules", [make_rules(negative_sentiment={"enabled": False}), make_rules(hang={})])
def test_a_rule_that_is_gone_resolves_its_alerts_and_tells_nobody(rules, open_desk):
    """At the next sweep, without a notice."""
    desk = open_desk(ANGER)
    desk.send(*angry_call())
    desk.change_rules(rules)
    desk.sweep()
    assert desk.told() == [("negative_sentiment", False)]
    assert desk.notices() == ["negative_sentiment raised"]


def test_an_alert_of_a_call_without_end_is_given_up(open_desk):
    """After a week it is resolved, and is not raised again."""
    desk = open_desk(ANGER)
    desk.send(*angry_call())
    desk.sweep(7 * DAY)
    desk.send(*angry_call())
    assert desk.told() == [("negative_sentiment", False)]


def test_an_end_that_only_a_rebuild_tells_is_noticed(open_desk):
    """Calls with open alerts are looked at in turn, though nothing tells that they changed."""
    desk = open_desk(ANGER)
    desk.send(*angry_call())
    desk.run("update calls set ended_at = began_at")
    desk.look()
    assert desk.told() == [("negative_sentiment", True)]
    desk.sweep()
    assert desk.told() == [("negative_sentiment", False)]


def test_whoever_watches_a_call_is_told_where_to_look(open_desk, redis):
    """Once an alert is committed its call is announced."""
    desk = open_desk(ANGER)
    with redis.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(CHANNEL)
        listener.get_message(timeout=5)
        desk.send(*angry_call())
        message = listener.get_message(timeout=5)
    assert message["data"] == b'["angry"]'


def test_an_unknown_assistant_is_asked_again(open_desk):
    """A call of which the assistant is told late is judged by its rules then."""
    desk = open_desk(make_rules(negative_sentiment={"assistants": ["one"]}))
    messages = [welcome(), user(1, text=ANGRY)]
    desk.send(conversation_update(messages))
    assert desk.alerts() == []
    desk.send(event("status-update", conversation_update(messages).call_id, {"call": {"assistantId": "one"}}))
    assert desk.told() == [("negative_sentiment", True)]
