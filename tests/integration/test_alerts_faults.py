"""Alerts are raised once whatever happens: crashes, two janitors, and calls that break it."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.database import Database
from shared.rq_names import queue_key
from shared.settings import Settings
from tests.alerts import ANGRY, BEGINNING, WEBHOOK, Desk, angry_call, forget_progress, make_rules
from tests.calls import conversation_update, user, welcome
from tests.crashes import Crash, CrashingDatabase
from tests.figures import run_jobs, storing
from tests.programs import program, wait_for
from workers.alerting import calls
from workers.alerting.calls import CALLS_AT_ONCE, SKIPPED_FOR
from workers.alerting.keeper import LOCK, AlertsKeeper, NotOurTurn

SECOND, MINUTE, HOUR = (timedelta(seconds=number) for number in (1, 60, 3600))
ANGER = make_rules(negative_sentiment={"tell_end": True})
QUEUED = queue_key("webhook")


@pytest.fixture
def desk(open_desk) -> Desk:
    """A keeper that tells of anger."""
    return open_desk(ANGER)


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
    other = open_desk(ANGER)
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
    assert open_desk(ANGER).told() == [("negative_sentiment", True)]


def test_a_follower_that_knows_nothing_begins_now(open_desk, store, database):
    """What was stored before is not looked at, and what is stored from then on is."""
    forget_progress(database)
    run_jobs(store, [("sentiment", angry_call())])
    desk = open_desk(ANGER)
    assert desk.keeper.look(datetime.now(UTC)) == 0
    assert desk.alerts() == []
