"""Notices by a webhook, on real servers: in order, each at least once, through outages, kills and dead letters."""

from collections.abc import Iterator, Mapping

import pytest
from redis import Redis
from standardwebhooks import Webhook

from shared.dead_letters import DeadLetters
from shared.filters import DeadLetterFilter
from shared.jobs import StageJob
from shared.settings import Settings
from tests import dead_letters
from tests.integration.test_worker import leftovers, run_rq, work_off
from tests.notices import LOOPBACK, SECRET, Desk, ids_of, let_time_pass
from tests.programs import program, wait_for
from tests.receivers import Answer, HttpReceiver, Request


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    """A receiver that takes everything."""
    with HttpReceiver() as running:
        yield running


@pytest.fixture
def desk(database, store, redis) -> Desk:
    """What raises alerts."""
    return Desk(database, store, redis)


@pytest.fixture
def settings(settings_of_programs, receiver) -> Mapping[str, str]:
    """The environment of a worker of the channel."""
    alerting = {"ALERT_WEBHOOK_URL": receiver.url, "ALERT_WEBHOOK_SECRET": SECRET, "ALERT_TIMEOUT_SECONDS": "2"}
    return {**settings_of_programs, **LOOPBACK, **alerting}


def survey(redis: Redis, **wanted: object):
    """Look for dead letters."""
    return DeadLetters(redis, Settings()).survey(DeadLetterFilter(**wanted), 50)


def expected_ids(*numbers: int, what: str = "raised") -> list[str]:
    """Name the notices of alerts as a receiver sees them."""
    return [f"{number:032x}-{what}" for number in numbers]


def test_a_notice_arrives_signed_and_redis_forgets_it(desk, redis, receiver, settings, tmp_path):
    """What is posted is verified by Standard Webhooks' own library; nothing of it is left in Redis."""
    (notice_id,) = desk.send(1)
    work_off("webhook", settings, tmp_path / "log")
    (request,) = receiver.taken
    content = Webhook(SECRET).verify(request.body, request.headers)
    assert (content["type"], content["data"]["call_id"]) == ("alert.raised", "WC-1")
    assert content["data"]["console_url"] == "https://console.example/calls/WC-1?turn=user-1#message-user-1"
    assert request.headers["user-agent"].startswith("Earshot/")
    assert desk.state("delivered_at") == [notice_id]
    assert leftovers(redis) == []


def test_no_receipt_is_written_for_a_notice(desk, database, receiver, settings, tmp_path):
    """To tell of a call does not mark it as changed."""
    desk.send(1)
    work_off("webhook", settings, tmp_path / "log")
    assert database.execute("select count(*) from receipts").fetchone() == (0,)


def test_a_receiver_that_was_down_gets_everything_in_order(desk, redis, receiver, settings, tmp_path):
    """Ten minutes of errors while 40 notices are made: once it is back each of them arrives, once, in order."""
    receiver.answer = Answer(503)
    (oldest,) = expected_ids(1)
    desk.raise_alert(1, "raised", "resolved")
    desk.publish()
    with program("worker", "webhook", settings=settings, log=tmp_path / "log"):
        for minute in range(10):
            for number in range(2 + 2 * minute, 4 + 2 * minute):
                desk.send(number, "raised", "resolved")
            wait_for(lambda minute=minute: ids_of(receiver.refused).count(oldest) > minute or let_time_pass(redis, 100))
        # It comes back between two attempts, not within one.
        receiver.answer_to = lambda request: _back_for(receiver, request, oldest)
        wait_for(lambda: not _let_pass_and_look(redis), seconds=60)
    numbers = range(1, 22)
    assert ids_of(receiver.taken) == [f"{number:032x}-{what}" for number in numbers for what in ("raised", "resolved")]
    assert set(ids_of(receiver.refused[:7])) == {oldest}
    assert desk.state("given_up_at") == desk.state("passed_over_at") == []


def _back_for(receiver: HttpReceiver, request: Request, notice: str) -> Answer:
    if request.headers["webhook-id"] == notice:
        receiver.answer = Answer()
    return receiver.answer


def _let_pass_and_look(redis: Redis) -> list[str]:
    let_time_pass(redis, 100)
    return leftovers(redis)


def test_out_of_turn_spends_no_attempt_and_makes_nobody_wait(desk, redis, receiver, settings, tmp_path):
    """Behind a notice that fails the others pause with all their attempts; the worker goes on with its work."""
    receiver.answer = Answer(500)
    notice_ids = [desk.send(number)[0] for number in range(1, 6)]
    work_off("webhook", settings, tmp_path / "log")
    jobs = [StageJob.fetch(f"{desk.event_id(notice_id)}-webhook", connection=redis) for notice_id in notice_ids]
    assert [job.retries_left for job in jobs] == [198, 199, 199, 199, 199]
    assert {redis.hget(job.key, "error") for job in jobs[1:]} == {b"OutOfTurn"}
    assert len(receiver.refused) == 1


def test_two_workers_keep_the_order(desk, redis, receiver, settings, tmp_path):
    """However many workers a channel has, one delivers at a time, in order, and nothing twice."""
    with (
        program("worker", "webhook", settings=settings, log=tmp_path / "one"),
        program("worker", "webhook", settings=settings, log=tmp_path / "two"),
    ):
        for number in range(30):
            desk.send(number)
        wait_for(lambda: not _let_pass_and_look(redis), seconds=60)
    assert ids_of(receiver.taken) == expected_ids(*range(30))


def test_what_is_refused_for_good_is_a_dead_letter_and_the_next_goes_on(desk, redis, receiver, settings, tmp_path):
    """410 Gone is not repeated; the notice behind it arrives all the same."""
    first, second = desk.send(1)[0], desk.raise_alert(2)[0]
    receiver.answer = Answer(410)
    work_off("webhook", settings, tmp_path / "log")
    assert desk.state("given_up_at") == [first]
    receiver.answer = Answer()
    desk.publish()
    work_off("webhook", settings, tmp_path / "log")
    assert (len(receiver.refused), ids_of(receiver.taken)) == (1, expected_ids(2))
    assert desk.state("delivered_at") == [second]
    (letter,) = survey(redis).letters
    assert (letter.stage, letter.error) == ("webhook", "Undeliverable")
    assert "410" in letter.reason


def test_the_last_attempt_gives_the_notice_up(desk, database, store, redis, receiver, settings, tmp_path):
    """After its attempts a notice is a dead letter, and the one behind it is next at once."""
    desk = Desk(database, store, redis, alert_attempts=1)
    receiver.answer = Answer(500)
    first, _ = desk.raise_alert(1) + desk.raise_alert(2)
    desk.publish()
    receiver.on_request = lambda: setattr(receiver, "answer", Answer(500 if not receiver.refused else 200))
    work_off("webhook", settings, tmp_path / "log")
    assert desk.state("given_up_at") == [first]
    assert ids_of(receiver.taken) == expected_ids(2)
    assert "notice.failed" in (tmp_path / "log").read_text()


def test_a_dead_notice_is_replayed_alone(desk, redis, receiver, settings, tmp_path):
    """Replayed, it is sent at once, though younger ones have been delivered and another one waits in front."""
    receiver.answer = Answer(410)
    (notice_id,) = desk.send(2)
    work_off("webhook", settings, tmp_path / "log")
    receiver.answer = Answer()
    letters = DeadLetters(redis, Settings())
    assert letters.replay(letters.matching(DeadLetterFilter(stage="webhook"))) == 1
    work_off("webhook", settings, tmp_path / "log")
    assert ids_of(receiver.taken) == expected_ids(2)
    assert desk.state("delivered_at") == [notice_id]
    assert leftovers(redis) == []


def test_a_job_that_rq_buried_holds_up_nobody(desk, redis, receiver, settings, tmp_path):
    """The oldest notice's job is a dead letter without our having a say: the next one finds that out."""
    first, second = desk.raise_alert(1) + desk.raise_alert(2)
    desk.publish()
    dead_letters.fail(redis, desk.event_id(first), "webhook")
    work_off("webhook", settings, tmp_path / "log")
    assert (desk.state("given_up_at"), desk.state("delivered_at")) == ([first], [second])


def test_a_notice_whose_job_is_gone_is_published_again(desk, redis, receiver, settings, tmp_path):
    """When Redis has lost the oldest notice, the next one has it put into the queue again, and waits for it."""
    first, second = desk.raise_alert(1) + desk.raise_alert(2)
    desk.publish()
    event_id = desk.event_id(first)
    redis.lrem("rq:queue:webhook", 1, f"{event_id}-webhook")
    redis.delete(f"earshot:event:{event_id}", f"rq:job:{event_id}-webhook")
    work_off("webhook", settings, tmp_path / "log")
    assert desk.state("delivered_at") == []
    assert desk.publish() == 1
    work_off("webhook", settings, tmp_path / "log")
    assert ids_of(receiver.taken) == expected_ids(1, 2)
    assert desk.state("delivered_at") == [first, second]


def test_kill_9_between_sending_and_noting_sends_again_with_the_same_id(
    desk, database, store, redis, receiver, settings, tmp_path
):
    """A worker killed when the receiver has taken a notice: it arrives again, by the same id, and no other is lost."""
    settings = {**settings, "JOB_TIMEOUT_SECONDS": "4", "LEASE_MARGIN_SECONDS": "1", "ALERT_TIMEOUT_SECONDS": "1"}
    desk = Desk(database, store, redis, job_timeout_seconds=4)
    for number in range(3):
        desk.raise_alert(number)
    with program("worker", "webhook", settings=settings, log=tmp_path / "log") as worker:

        def kill() -> None:
            worker.kill()
            worker.wait()

        receiver.on_request = kill
        desk.publish()
        wait_for(lambda: receiver.taken)
    receiver.on_request = lambda: None
    with program("worker", "webhook", settings=settings, log=tmp_path / "log"):
        wait_for(lambda: not _let_pass_and_look(redis), seconds=60)
    assert ids_of(receiver.taken) == expected_ids(0, 0, 1, 2)


def test_an_alert_that_is_gone_is_passed_over(desk, database, redis, receiver, settings, tmp_path):
    """A notice whose alert was deleted is done, and holds up nobody."""
    desk.raise_alert(1)
    desk.raise_alert(2)
    database.execute("delete from alerts where call_id = 'WC-1'")
    desk.publish()
    work_off("webhook", settings, tmp_path / "log")
    assert ids_of(receiver.taken) == expected_ids(2)
    assert leftovers(redis) == []


def test_an_alert_that_is_over_when_it_is_sent_says_so(desk, database, receiver, settings, tmp_path):
    """A notice tells what is known when it is sent, not when it was made."""
    desk.send(1)
    database.execute("update alerts set resolved_at = now()")
    work_off("webhook", settings, tmp_path / "log")
    assert "It is over since" in receiver.taken[0].json["data"]["summary"]
    assert receiver.taken[0].json["data"]["resolved_at"]


def test_without_settings_a_notice_waits(desk, redis, settings_of_programs, tmp_path):
    """A worker of a channel that is not set up starts; a notice it meets fails for now."""
    (notice_id,) = desk.send(1)
    work_off("webhook", settings_of_programs, tmp_path / "log")
    job = StageJob.fetch(f"{desk.event_id(notice_id)}-webhook", connection=redis)
    assert (job.get_status(), redis.hget(job.key, "error")) == ("scheduled", b"NotDelivered")
    assert desk.state("given_up_at") == []


def test_an_address_that_is_not_public_is_not_spoken_to(desk, redis, receiver, settings, tmp_path):
    """Without ALERT_ALLOWED_NETWORKS nothing is sent to this machine: a dead letter tells why."""
    desk.send(1)
    work_off("webhook", {**settings, "ALERT_ALLOWED_NETWORKS": ""}, tmp_path / "log")
    assert (receiver.taken, receiver.refused) == ([], [])
    assert "ALERT_ALLOWED_NETWORKS" in survey(redis).letters[0].reason


def test_neither_secrets_nor_persons_are_told(desk, database, redis, receiver, settings, tmp_path):
    """Logs, jobs and dead letters have neither the address's path nor a secret, nor what anybody said, at any level."""
    settings = {**settings, "LOG_LEVEL": "DEBUG"}
    _have_said(database)
    receiver.answer = Answer(500, {"Set-Cookie": "words of the receiver"}, b"words of the receiver")
    (notice_id,) = desk.send(1)
    work_off("webhook", settings, tmp_path / "log")
    receiver.answer = Answer(410, body=b"words of the receiver")
    let_time_pass(redis, 100)
    work_off("webhook", settings, tmp_path / "log")
    job = StageJob.fetch(f"{desk.event_id(notice_id)}-webhook", connection=redis)
    told = (tmp_path / "log").read_text() + repr(redis.hgetall(job.key)) + job.results()[0].exc_string
    told += receiver.refused[0].body.decode()
    for secret in ("path-that-is-secret", SECRET, "words of", "I am furious", "+15550100"):
        assert secret not in told


def test_personal_data_is_sent_where_it_is_switched_on(desk, database, receiver, settings, tmp_path):
    """ALERT_PERSONAL_DATA adds the text of the message and the caller's number."""
    _have_said(database)
    desk.send(1)
    work_off("webhook", {**settings, "ALERT_PERSONAL_DATA": "true"}, tmp_path / "log")
    content = receiver.taken[0].json["data"]
    assert (content["message_text"], content["caller_number"]) == ("I am furious!", "+15550100")
    assert "furious" not in (tmp_path / "log").read_text()


def test_a_stock_rq_worker_delivers(desk, redis, receiver, settings):
    """RQ's own worker, given our job class and serializer, does the work."""
    desk.send(1)
    run_rq(
        *("worker", "--burst", "--serializer", "json", "--job-class", "shared.jobs.StageJob", "webhook"),
        settings=settings,
    )
    assert ids_of(receiver.taken) == expected_ids(1)
    assert "rq:queue:webhook" not in leftovers(redis)


def _have_said(database) -> None:
    database.execute("insert into calls (call_id, user_number) values ('WC-1', '+15550100')")
    database.execute(
        "insert into messages (call_id, message_id, role, text, version, fingerprint)"
        " values ('WC-1', 'user-1', 'user', 'I am furious!', '{0,0,0,0}', 1)"
    )
