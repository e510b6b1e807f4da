"""`earshot alerts test` on real servers: what it says of each notice, at every stage of its way."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis
from rq.utils import now, utcformat

from earshot.alert_trial import Trial
from earshot.cli import main
from shared.alerting.alerts import Alerts
from shared.alerting.notices import notice_event
from shared.database import Database
from shared.janitors import KEY
from shared.rq_names import failed_key, job_id_of, job_key
from shared.settings import Settings
from tests.integration.test_alert_commands import CHANNELS

Earshot = Callable[..., Result]


@pytest.fixture
def earshot(settings_of_programs: Mapping[str, str], tmp_path: Path) -> Earshot:
    """Run `earshot alerts` inside this process."""
    known = {**settings_of_programs, "EARSHOT_DATA_DIR": str(tmp_path)}
    return lambda *words, **more: CliRunner().invoke(main, ["alerts", *words], env={**known, **more})


@pytest.fixture
def alerts(store: Database) -> Alerts:
    return Alerts(store)


@pytest.fixture
def trial(redis: Redis, store: Database) -> Trial:
    return Trial(redis, store, Settings())


@pytest.fixture
def delivered_at_once(database) -> Iterator[None]:
    """As if each notice had arrived in the moment in which it is made."""
    database.execute(
        "create function arrive() returns trigger language plpgsql as "
        "$$ begin new.delivered_at := now(); return new; end $$"
    )
    database.execute("create trigger arrive before insert on notices for each row execute function arrive()")
    yield
    database.execute("drop trigger arrive on notices")
    database.execute("drop function arrive")


def test_a_test_without_a_channel_says_what_to_set(earshot, database):
    """Nothing is raised; nor for a channel that is not set up."""
    for words, told in ((("test",), "ALERT_SLACK_URL"), (("test", "--channel", "webhook"), "ALERT_WEBHOOK_SECRET")):
        shown = earshot(*words)
        assert (shown.exit_code, told in shown.output) == (1, True)
    assert database.execute("select count(*) from alerts").fetchone() == (0,)


def test_a_test_without_a_channel_names_the_file_that_is_read(earshot, tmp_path):
    """That of the data directory which the command was given."""
    assert f"or in {tmp_path / 'env'}:" in earshot("test").output


@pytest.fixture
def _a_janitor_acts(redis: Redis) -> None:
    redis.set(KEY, "somewhere-1-abcd")


def test_a_test_tells_that_no_janitor_acts(earshot, delivered_at_once):
    """What is sent has arrived, and yet no alert would be raised: not all is well."""
    shown = earshot("test", "--channel", "slack", **CHANNELS)
    (*_, delivered, last) = shown.output.splitlines()
    assert delivered.startswith("slack    delivered")
    assert last.startswith("No janitor acts: no alert will be raised. Start one: earshot janitor")
    assert shown.exit_code == 1


@pytest.mark.usefixtures("_a_janitor_acts")
def test_a_test_tells_what_has_arrived(earshot, database, delivered_at_once):
    """By each channel in use or by the chosen one; its alert is over at once, and nobody's rule bears that name."""
    shown = earshot("test", **CHANNELS)
    assert shown.exit_code == 0, shown.output
    assert [line.split()[:2] for line in shown.output.splitlines()[1:]] == [
        ["slack", "delivered"],
        ["email", "delivered"],
    ]
    row = database.execute("select rule, call_id, resolved_at is not null, is_silenced from alerts").fetchone()
    assert row == ("test", "", True, False)
    chosen = earshot("test", "--channel", "email", **CHANNELS)
    assert [line.split()[0] for line in chosen.output.splitlines()[1:]] == ["email"]


def test_a_test_to_nobodys_queue_says_how_to_start_a_worker(earshot, redis):
    """At once, since waiting would not help; the notice waits in its queue."""
    shown = earshot("test", **CHANNELS)
    assert shown.exit_code == 1
    assert "no worker listens, so the notice waits; start one: earshot worker slack" in shown.output
    assert redis.llen("rq:queue:slack") == redis.llen("rq:queue:email") == 1


def test_a_test_ends_when_the_time_is_up(earshot, redis):
    """A worker that has not delivered yet may have notices before it."""
    listens(redis)
    shown = earshot("test", "--channel", "slack", "--wait", "0", **CHANNELS)
    assert (shown.exit_code, "not delivered yet" in shown.output) == (1, True)


def listens(redis: Redis) -> None:
    """Enter a worker of the channel, as RQ does."""
    redis.sadd("rq:workers:slack", "rq:worker:slack-1")
    redis.hset("rq:worker:slack-1", "last_heartbeat", utcformat(now()))


def outcome(trial: Trial, alert_id: str) -> tuple[str, str]:
    (result,) = trial.results(alert_id)
    return result.outcome, result.text


def job_of(trial: Trial, alerts: Alerts, alert_id: str) -> str:
    (sent,) = alerts.notices("", alert_id)
    return job_id_of(notice_event(sent.notice).event_id, "slack")


def test_an_attempt_that_failed_is_told_with_its_reason(trial, alerts, redis):
    """As soon as the first has; the notice is tried again all the same."""
    alert_id = trial.begin(["slack"])
    job = job_key(job_of(trial, alerts, alert_id))
    left = int(redis.hget(job, "retries_left"))
    redis.hset(job, mapping={"retries_left": left - 1, "reason": "NotDelivered: the receiver answered 503"})
    assert outcome(trial, alert_id) == (
        "failed",
        "failed: NotDelivered: the receiver answered 503; it is tried again",
    )


def test_a_notice_that_was_given_up_is_told(trial, alerts, redis, database):
    """Nobody tries again; the dead letter says why, and without one the way to it is named."""
    alert_id = trial.begin(["slack"])
    database.execute("update notices set given_up_at = now()")
    job_id = job_of(trial, alerts, alert_id)
    redis.hset(job_key(job_id), "reason", "Undeliverable: the receiver answered 404")
    redis.zadd(failed_key("slack"), {job_id: 1})
    assert outcome(trial, alert_id) == ("failed", "failed: Undeliverable: the receiver answered 404")
    redis.flushall()
    assert outcome(trial, alert_id) == ("failed", "given up; see why: earshot failed --stage slack")


def test_a_notice_that_waits_for_its_turn_has_not_failed(trial, alerts, redis):
    """One whose job pauses without an attempt spent is waited for."""
    alert_id = trial.begin(["slack"])
    listens(redis)
    redis.hset(job_key(job_of(trial, alerts, alert_id)), mapping={"status": "scheduled", "reason": "OutOfTurn"})
    redis.zadd("rq:scheduled:slack", {job_of(trial, alerts, alert_id): 4_000_000_000})
    assert outcome(trial, alert_id)[0] == "waiting"


def test_a_test_that_waits_behind_another_notice_says_so(trial, alerts, redis):
    """With why that one has not been delivered."""
    before, alert_id = trial.begin(["slack"]), trial.begin(["slack"])
    listens(redis)
    assert outcome(trial, alert_id) == ("waiting", "not delivered yet; it stands behind notice 1")
    job = job_key(job_of(trial, alerts, before))
    redis.hset(job, mapping={"retries_left": 3, "reason": "NotDelivered: the receiver answered 503"})
    assert outcome(trial, alert_id)[1].endswith(
        "notice 1, which failed: NotDelivered: the receiver answered 503; it is tried again"
    )


def test_a_test_stands_behind_what_is_to_be_sent(trial, alerts, database, redis):
    """However much that is, it is published first, in order."""
    for number in range(250):
        database.execute(
            "insert into notices (call_id, alert_id, channel, what) values ('', %s, 'slack', 'raised')", [f"{number}"]
        )
    trial.begin(["slack"])
    assert redis.llen("rq:queue:slack") == 251
    assert database.execute("select count(*) from notices where published_at is null").fetchone() == (0,)
