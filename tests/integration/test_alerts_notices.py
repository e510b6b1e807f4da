"""What is told of alerts: to which channels, in which order, and not while a silence holds."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.alerting.notices import Notice, notice_event
from shared.errors import QueueUnavailable
from shared.publisher import Publisher
from shared.rq_names import queue_key
from tests.alerts import ANGRY, BEGINNING, WEBHOOK, Desk, angry_call, make_rules
from tests.calls import conversation_update, end_of_call_report, user

SECOND, MINUTE, HOUR = (timedelta(seconds=number) for number in (1, 60, 3600))
ANGER = make_rules(negative_sentiment={"tell_end": True})
QUEUED = queue_key("webhook")


@pytest.fixture
def desk(open_desk) -> Desk:
    """A keeper that tells of anger."""
    return open_desk(ANGER)


@pytest.mark.parametrize("until", ["before it was published", "after it was published"])
def test_a_crash_around_publishing_tells_once(until, desk, redis, monkeypatch):
    """What was not put down as published is published again, which makes no second job while the first is pending."""
    desk.send(*angry_call())
    real = Publisher.publish

    def publish(publisher, event):
        if until.startswith("after"):
            real(publisher, event)
        raise QueueUnavailable("killed")

    with monkeypatch.context() as patched:
        patched.setattr(Publisher, "publish", publish)
        with pytest.raises(QueueUnavailable):
            desk.keeper.publish()
    assert desk.session.execute("select published_at from notices").fetchall() == [{"published_at": None}]
    assert desk.keeper.publish() == 1
    assert desk.keeper.publish() == 0
    assert redis.llen(QUEUED) == 1


def test_notices_wait_for_redis_in_their_order(desk, redis, servers):
    """While it is away nothing is lost, and afterwards they go out as they were made."""
    desk.send(*(conversation_update([user(1, text=ANGRY)], call_id=f"call-{number}") for number in range(3)))
    servers.stop("valkey")
    with pytest.raises(QueueUnavailable):
        desk.keeper.publish()
    servers.start("valkey")
    assert desk.keeper.publish() == 3
    rows = desk.session.execute("select notice_id, call_id, alert_id, channel, what from notices order by 1")
    expected = [f"{notice_event(Notice(**row)).event_id}-webhook".encode() for row in rows]
    assert redis.lrange(QUEUED, 0, -1) == expected


def test_channels_of_a_rule(open_desk):
    """A rule tells those that it names, of those that are set up; without any that is set up there is no notice."""
    slack = {**WEBHOOK, "alert_slack_url": "https://example.org/slack"}
    rules = make_rules(
        negative_sentiment={"tell_end": True},
        one={"kind": "negative_sentiment", "channels": ["slack", "email"], "tell_end": True},
        none={"kind": "negative_sentiment", "channels": []},
    )
    desk = open_desk(rules, settings=slack)
    desk.send(*angry_call())
    desk.send(end_of_call_report(call_id="angry"))
    rows = desk.session.execute("select rule, channel, what from notices join alerts using (call_id, alert_id)")
    assert sorted(tuple(row.values()) for row in rows) == sorted(
        (rule, channel, what)
        for rule, channel in (("negative_sentiment", "webhook"), ("negative_sentiment", "slack"), ("one", "slack"))
        for what in ("raised", "resolved")
    )


def test_without_channels_alerts_are_kept_and_not_told(open_desk):
    """They are in the table for the console."""
    desk = open_desk(ANGER, settings={})
    desk.send(*angry_call(), end_of_call_report(call_id="angry"))
    assert desk.told() == [("negative_sentiment", False)]
    assert desk.notices() == []


@pytest.mark.parametrize(
    ("rule", "call_id", "holds"),
    [
        ("", "", True),
        ("negative_sentiment", "", True),
        ("", "angry", True),
        ("negative_sentiment", "angry", True),
        ("hang", "", False),
        ("", "another", False),
    ],
)
def test_a_silence_holds_back_and_lets_go(rule, call_id, holds, desk):
    """What is raised meanwhile is not sent, until the silence ends while the alert is still open."""
    statement = "insert into silences (rule, call_id, starts_at, ends_at, who) values (%s, %s, %s, %s, 'me')"
    desk.run(statement, rule, call_id, BEGINNING, BEGINNING + HOUR)
    desk.send(*angry_call())
    desk.look(59 * MINUTE)
    assert [alert["is_silenced"] for alert in desk.alerts()] == [holds]
    assert desk.notices() == ([] if holds else ["negative_sentiment raised"])
    desk.look(MINUTE)
    desk.look(MINUTE)
    assert [alert["is_silenced"] for alert in desk.alerts()] == [False]
    assert desk.notices() == ["negative_sentiment raised"]


def test_what_is_over_before_its_silence_is_never_sent(desk):
    """Neither that it was raised nor that it is over."""
    desk.run(
        "insert into silences (rule, starts_at, ends_at, who) values ('', %s, %s, 'me')", BEGINNING, desk.now + HOUR
    )
    desk.send(*angry_call())
    desk.send(end_of_call_report(call_id="angry"))
    desk.look(2 * HOUR)
    assert [alert["is_silenced"] for alert in desk.alerts()] == [True]
    assert desk.notices() == []


def test_a_silence_that_begins_later_holds_the_end_not_back(desk):
    """Who was told that something began is told that it is over."""
    desk.send(*angry_call())
    desk.run(
        "insert into silences (rule, starts_at, ends_at, who) values ('', %s, %s, 'me')", BEGINNING, desk.now + HOUR
    )
    desk.send(end_of_call_report(call_id="angry"))
    assert desk.notices() == ["negative_sentiment raised", "negative_sentiment resolved"]


def test_a_silence_of_another_call_holds_nothing_back(desk):
    """What one silence held back is sent when that is over, though another call's goes on."""
    statement = "insert into silences (rule, call_id, starts_at, ends_at, who) values ('', %s, %s, %s, 'me')"
    desk.run(statement, "angry", BEGINNING, BEGINNING + MINUTE)
    desk.run(statement, "another", BEGINNING, BEGINNING + HOUR)
    desk.send(*angry_call())
    assert desk.notices() == []
    desk.look(MINUTE)
    assert desk.notices() == ["negative_sentiment raised"]


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ("published_at = now() - interval '2 minutes'", 1),
        ("published_at = now() - interval '30 seconds'", 0),
        ("published_at = now() - interval '2 minutes', delivered_at = now()", 0),
        ("published_at = now() - interval '2 minutes', given_up_at = now()", 0),
    ],
)
def test_a_notice_that_redis_lost_is_published_again(change, number, desk, redis):
    """Once it was published a while ago, unless it is done with; nobody waits for the next alert."""
    desk.send(*angry_call())
    assert desk.keeper.publish() == 1
    redis.flushall()
    desk.run(f"update notices set {change}")
    assert desk.keeper.recover(datetime.now(UTC)) == number
    assert desk.keeper.publish() == number
    assert redis.llen(QUEUED) == number


def test_a_notice_that_waits_is_not_published_again(desk, redis):
    """However long ago it was put there, as its job is still to come."""
    desk.send(*angry_call())
    desk.keeper.publish()
    assert desk.keeper.recover(datetime.now(UTC) + HOUR) == 0
    assert redis.llen(QUEUED) == 1


def test_without_redis_nobody_knows_what_is_lost(desk, servers):
    """It is asked again later."""
    desk.send(*angry_call())
    desk.keeper.publish()
    servers.stop("valkey")
    try:
        with pytest.raises(QueueUnavailable):
            desk.keeper.recover(datetime.now(UTC) + HOUR)
    finally:
        servers.start("valkey")
