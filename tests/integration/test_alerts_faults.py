"""Alerts are raised once and told once whatever happens: crashes, two janitors, silences, and calls that break it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from shared.alerting.notices import Notice, notice_event
from shared.database import Database
from shared.errors import DatabaseUnavailable, QueueUnavailable
from shared.publisher import Publisher
from shared.rq_names import queue_key
from shared.settings import Settings
from tests.alerts import ANGRY, BEGINNING, WEBHOOK, Desk, angry_call, forget_progress, make_rules
from tests.calls import conversation_update, end_of_call_report, user, welcome
from tests.figures import run_jobs, storing
from tests.programs import program, wait_for
from workers.alerting import calls
from workers.alerting.calls import CALLS_AT_ONCE, SKIPPED_FOR
from workers.alerting.keeper import LOCK, AlertsKeeper, NotOurTurn

SECOND, MINUTE, HOUR = (timedelta(seconds=number) for number in (1, 60, 3600))
ANGER = make_rules(negative_sentiment={"tell_end": True})
QUEUED = queue_key("webhook")


@pytest.fixture
def open_desk(database_url, redis) -> Iterator[Callable[..., Desk]]:
    """Make keepers of the alerts of the test's database."""
    opened: list[Desk] = []

    def open_one(rules=ANGER, **more) -> Desk:
        opened.append(Desk(database_url, redis, rules, **more))
        return opened[-1]

    yield open_one
    for desk in opened:
        desk.close()


@pytest.fixture
def desk(open_desk) -> Desk:
    """A keeper that tells of anger."""
    return open_desk()


class Crash(DatabaseUnavailable):
    """What takes the janitor down in these tests."""


class CrashingDatabase(Database):
    """A connection that is lost before a given statement, once."""

    statements_left = 10**9

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection]:
        with super().transaction() as connection:
            yield _Crashing(self, connection)  # type: ignore[misc]


class _Crashing:
    def __init__(self, owner: CrashingDatabase, connection: psycopg.Connection) -> None:
        self._owner, self._connection = owner, connection
        self.transaction = connection.transaction

    def execute(self, *arguments):
        self._owner.statements_left -= 1
        if self._owner.statements_left == 0:
            raise Crash("killed")
        return self._connection.execute(*arguments)


@pytest.mark.parametrize("statement", range(1, 20))
def test_a_crash_anywhere_loses_and_repeats_nothing(statement, desk, database_url, redis):
    """Before whichever statement the janitor dies, in the end there is one alert and one notice."""
    fragile = CrashingDatabase(database_url, 20)
    keeper = AlertsKeeper(fragile, redis, Settings(**WEBHOOK), ANGER)
    run_jobs(desk.store, [(stage, [one]) for one in angry_call() for stage in ("transcripts", "sentiment")])
    fragile.statements_left = statement

    def work() -> None:
        for _ in range(3):
            keeper.look(desk.now)
            keeper.publish()

    with pytest.raises(Crash):
        work()
    desk.look()
    while desk.keeper.publish():
        pass
    fragile.close()
    assert desk.told() == [("negative_sentiment", True)]
    assert desk.notices() == ["negative_sentiment raised"]
    assert redis.llen(QUEUED) == 1


@pytest.mark.parametrize("until", ["before it was published", "after it was published"])
def test_a_crash_around_publishing_tells_once(until, desk, redis, monkeypatch):
    """What was not put down as published is published again, which makes no second job while the first is pending."""
    desk.send(*angry_call())
    real = Publisher.publish

    def publish(publisher, event):
        if until.startswith("after"):
            real(publisher, event)
        raise Crash("killed")

    with monkeypatch.context() as patched:
        patched.setattr(Publisher, "publish", publish)
        with pytest.raises(Crash):
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
        negative_sentiment={},
        one={"kind": "negative_sentiment", "channels": ["slack", "email"]},
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
    desk = open_desk(settings={})
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


def test_of_two_janitors_one_works(desk):
    """While another one holds the lock nothing is judged, and afterwards everything, once."""
    run_jobs(desk.store, [(stage, [one]) for one in angry_call() for stage in ("transcripts", "sentiment")])
    with desk.session.transaction():
        desk.session.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        for work in (desk.keeper.look, desk.keeper.sweep):
            with pytest.raises(NotOurTurn):
                work(desk.now)
    assert desk.alerts() == []
    desk.look()
    assert desk.told() == [("negative_sentiment", True)]


def test_two_that_take_turns_raise_it_once(desk, open_desk):
    """Whoever looks at a call raises what the other has not."""
    other = open_desk()
    for one in angry_call(turns=10):
        run_jobs(desk.store, [(stage, [one]) for stage in ("transcripts", "sentiment")])
        for keeper in (desk, other):
            keeper.look()
            keeper.sweep()
    assert desk.told() == [("negative_sentiment", True)]
    assert desk.notices() == ["negative_sentiment raised"]


def test_what_commits_late_is_not_missed(desk):
    """What was being stored during a look is found by a later one."""
    with storing(desk.store, "sentiment", angry_call()[-1:]):
        keeper = AlertsKeeper(Database(desk.session.info.dsn, 20), desk._redis, Settings(**WEBHOOK), ANGER)
        keeper.look(desk.now)
        assert desk.alerts() == []
    keeper._database.close()
    desk.look()
    assert desk.told() == [("negative_sentiment", True)]


def test_a_call_that_breaks_the_evaluation_holds_nobody_up(desk, caplog):
    """It is named in the log, and the others are judged."""
    desk.run("alter table alerts add check (call_id <> 'bad')")
    events = [conversation_update([user(1, text=ANGRY)], call_id=name) for name in ("good", "bad", "better")]
    run_jobs(desk.store, [("sentiment", events)])
    desk.look()
    assert sorted(alert["call_id"] for alert in desk.alerts()) == ["better", "good"]
    skipped = [record.fields for record in caplog.records if record.getMessage() == "alerts.skipped"]
    assert skipped == [{"kind": "call", "key": "bad", "reason": "CheckViolation"}]


def test_nor_does_a_fault_of_ours_that_one_call_shows(desk, caplog, monkeypatch):
    """The call is named in the log with the class of the error, and the others are judged."""
    real = calls.judge

    def judge(rules, facts, clocks):
        return real(rules, facts, None if facts.call_id == "bad" and facts.moods else clocks)

    monkeypatch.setattr(calls, "judge", judge)
    events = [
        conversation_update([{**user(1, text=ANGRY), "timestamp": None}], call_id=name) for name in ("bad", "good")
    ]
    run_jobs(desk.store, [("sentiment", events)])
    desk.look()
    assert [alert["call_id"] for alert in desk.alerts()] == ["good"]
    skipped = [record.fields["reason"] for record in caplog.records if record.getMessage() == "alerts.skipped"]
    assert skipped == ["AttributeError"]


def test_by_the_clock_it_is_not_tried_all_the_time(open_desk, caplog):
    """A call that could not be judged is tried again some minutes later."""
    desk = open_desk(make_rules(dead_air={}))
    desk.run("alter table alerts add constraint bad check (call_id <> 'bad')")
    desk.send(*(conversation_update([welcome(), user(1)], call_id=call_id) for call_id in ("bad", "good")))
    for _ in range(10):
        desk.look(20 * SECOND)
    assert [alert["call_id"] for alert in desk.alerts()] == ["good"]
    assert [record.getMessage() for record in caplog.records].count("alerts.skipped") == 1
    desk.run("alter table alerts drop constraint bad")
    desk.look(SKIPPED_FOR)
    assert sorted(alert["call_id"] for alert in desk.alerts()) == ["bad", "good"]


def test_a_backlog_is_worked_off_in_pieces(desk):
    """However many calls are marked, each look examines some, and in the end all were."""
    many = CALLS_AT_ONCE * 2 + 1
    events = [conversation_update([user(1, text=ANGRY)], call_id=f"call-{number}") for number in range(many)]
    run_jobs(desk.store, [("sentiment", events)])
    assert [desk.keeper.look(desk.now) for _ in range(4)] == [CALLS_AT_ONCE, CALLS_AT_ONCE, 1, 0]
    assert len(desk.alerts()) == many


def test_a_clock_that_jumps_raises_nothing_twice(open_desk):
    """Set forward and back again, what was raised stays raised once."""
    desk = open_desk(make_rules(dead_air={}, endless_call={}))
    call = {"startAt": BEGINNING.isoformat()}
    desk.send(conversation_update([welcome(), user(1)], call=call))
    for jump in (30 * MINUTE, -30 * MINUTE, 3 * HOUR, -3 * HOUR, 30 * SECOND, 10_000 * HOUR, -10_000 * HOUR):
        desk.look(jump)
    assert sorted(rule for rule, _ in desk.told()) == ["dead_air", "endless_call"]


def test_a_huge_call_is_judged(desk, open_desk):
    """Ten thousand messages, all of them angry, are one alert."""
    desk.run(
        "insert into sentiments (call_id, message_id, label, confidence, scorer, spoken_at, version, fingerprint)"
        " select 'huge', 'user-' || n, 'negative', 0.9, 's/1', %s::timestamptz + n * interval '1 s', '{0,0,0,0}', n"
        " from generate_series(1, 10000) as n",
        BEGINNING,
    )
    desk.run("insert into receipts values ('huge', 'e', 'sentiment', 't', now(), now(), 1)")
    desk.look()
    assert [alert["message_id"] for alert in desk.alerts()] == ["user-1"]


def test_the_janitor_keeps_them(store, database, settings_of_programs, redis, tmp_path):
    """`earshot janitor` has the alert and its job soon after a stage has stored it, and ends at once all the same."""
    (tmp_path / "alerts.toml").write_text("[rules.negative_sentiment]\n")
    channel = {name.upper(): value for name, value in WEBHOOK.items()}
    settings = {**settings_of_programs, **channel, "ALERTS_FILE": str(tmp_path / "alerts.toml")}
    with program("janitor", settings=settings, log=tmp_path / "log") as janitor:
        wait_for(lambda: database.execute("select 1 from followers where follower = 'alerts'").fetchone())
        run_jobs(store, [("transcripts", angry_call()), ("sentiment", angry_call())])
        wait_for(lambda: redis.llen(QUEUED) == 1)
        janitor.terminate()
        assert janitor.wait(timeout=3) == 0
    lines = [line for line in (tmp_path / "log").read_text().splitlines() if "alert.raised" in line]
    assert len(lines) == 1
    assert " alert.raised rule=negative_sentiment call_id=angry " in lines[0]
    assert lines[0].endswith(" severity=warning silenced=False")


def test_what_is_stored_before_the_first_look_is_looked_at(open_desk, store):
    """Following begins when the tables are made, so a janitor that starts later than the stages misses nothing."""
    run_jobs(store, [("sentiment", angry_call())])
    assert open_desk().told() == [("negative_sentiment", True)]


def test_a_follower_that_knows_nothing_begins_now(open_desk, store, database):
    """What was stored before is not looked at, and what is stored from then on is."""
    forget_progress(database)
    run_jobs(store, [("sentiment", angry_call())])
    desk = open_desk()
    assert desk.keeper.look(datetime.now(UTC)) == 0
    assert desk.alerts() == []
