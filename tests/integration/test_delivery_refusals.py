"""What is refused: it is tried again, blocks its channel for minutes only, and no outage breaks the order."""

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from shared.alerting.notices import Notice
from shared.errors import NotDelivered, NotTaken, OutOfTurn
from shared.jobs import StageJob
from shared.settings import Settings
from tests.integration.test_worker import leftovers, work_off
from tests.notices import LOOPBACK, SECRET, Desk, ids_of, let_time_pass
from tests.programs import program, wait_for
from tests.receivers import Answer, HttpReceiver, Request
from workers.delivery import courier
from workers.delivery.courier import LOCK, PATIENT_ATTEMPTS, Courier
from workers.delivery.ledger import Ledger

Couriers = Callable[..., Courier]


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
def alerting(receiver) -> dict[str, str]:
    """What the environment says of the channel."""
    return {**LOOPBACK, "ALERT_WEBHOOK_URL": receiver.url, "ALERT_WEBHOOK_SECRET": SECRET}


@pytest.fixture
def make_courier(store, redis, alerting) -> Couriers:
    """Make a courier with settings."""
    ledger = Ledger(store, with_personal=False)
    known = {name.lower(): value for name, value in alerting.items()}
    return lambda **settings: Courier("webhook", redis, ledger, Settings(**known, **settings))


def raised(desk: Desk, number: int) -> Notice:
    """Raise an alert; gives its notice."""
    (notice_id,) = desk.send(number)
    return Notice(notice_id, f"WC-{number}", f"{number:032x}", "webhook", "raised")


def poison(*numbers: int, answer: Answer = Answer(500)) -> Callable[[Request], Answer]:  # noqa: B008 - it is frozen
    """Refuse the notices of some alerts, and take all others."""
    bad = tuple(f"{number:032x}" for number in numbers)
    return lambda request: answer if request.headers["webhook-id"].startswith(bad) else Answer()


@pytest.mark.parametrize("status", [301, 401, 404, 500])
def test_a_refusal_that_passes_costs_no_notice(status, desk, redis, receiver, settings_of_programs, alerting, tmp_path):
    """While a proxy has nothing behind it or a secret is changed nothing is lost; a redirect is not followed."""
    receiver.answer = Answer(status, {"Location": f"{receiver.url}/elsewhere"})
    first, second = raised(desk, 1), raised(desk, 2)
    work_off("webhook", {**settings_of_programs, **alerting}, tmp_path / "log")
    job = StageJob.fetch(f"{desk.event_id(first.notice_id)}-webhook", connection=redis)
    assert (job.get_status(), job.retries_left, redis.hget(job.key, "error")) == ("scheduled", 198, b"NotTaken")
    assert (len(receiver.refused), desk.state("given_up_at")) == (1, [])
    receiver.answer = Answer()
    let_time_pass(redis, 100)
    work_off("webhook", {**settings_of_programs, **alerting}, tmp_path / "log")
    assert desk.state("delivered_at") == [first.notice_id, second.notice_id]


def test_notices_that_are_refused_for_their_own_sake_block_the_others_for_minutes_only(
    desk, redis, receiver, settings_of_programs, alerting, tmp_path
):
    """Several bad ones in a row: the others arrive in order, and the bad ones do when their fault is mended."""
    receiver.answer_to = poison(1, 4)
    desk.raise_alert(1, "raised", "resolved")
    for number in (2, 3, 4, 5):
        desk.raise_alert(number)
    desk.publish()
    settings = {**settings_of_programs, **alerting}
    with program("worker", "webhook", settings=settings, log=tmp_path / "log"):
        wait_for(lambda: let_time_pass(redis, 100) or len(receiver.taken) == 3, seconds=60)
        assert ids_of(receiver.taken) == [f"{number:032x}-raised" for number in (2, 3, 5)]
        receiver.answer_to = lambda _: Answer()
        wait_for(lambda: let_time_pass(redis, 100) or not leftovers(redis), seconds=60)
    assert sorted(ids_of(receiver.taken[3:])) == [f"{1:032x}-raised", f"{1:032x}-resolved", f"{4:032x}-raised"]
    assert ids_of(receiver.refused).count(f"{1:032x}-raised") > PATIENT_ATTEMPTS
    assert "notice.passed_over" in (tmp_path / "log").read_text()


def test_a_receiver_that_refuses_everything_for_long_breaks_no_order(desk, make_courier, receiver):
    """Others are tried, one at each attempt; where none is taken the oldest one is waited for."""
    notices = [raised(desk, number) for number in range(3)]
    receiver.answer = Answer(404)
    for attempt in range(PATIENT_ATTEMPTS - 1, PATIENT_ATTEMPTS + 4):
        with pytest.raises(NotTaken):
            make_courier().deliver(notices[0], attempt)
    assert desk.state("passed_over_at") == []
    tried = [int(webhook_id[:32]) for webhook_id in ids_of(receiver.refused)]
    assert tried == [0, 0, 1, 0, 2, 0, 2, 0, 2]
    receiver.answer = Answer()
    make_courier().deliver(notices[0], 20)
    assert desk.state("delivered_at") == [notice.notice_id for notice in notices]


def test_who_asks_for_a_pause_is_sent_nothing_else(desk, make_courier, receiver):
    """429 with Retry-After is about the receiver, not about the notice."""
    first, _ = raised(desk, 1), raised(desk, 2)
    receiver.answer_to = poison(1, answer=Answer(429, {"Retry-After": "5"}))
    with pytest.raises(NotDelivered):
        make_courier().deliver(first, 50)
    assert (receiver.taken, desk.state("passed_over_at")) == ([], [])


def test_a_fault_of_ours_with_one_notice_is_none_with_the_others(desk, make_courier, receiver, monkeypatch):
    """A notice that cannot even be written is passed over like one that is refused; its text stays here."""
    first, second = raised(desk, 1), raised(desk, 2)
    monkeypatch.setattr(courier, "sender_of", lambda *_: _stumble)
    for attempts_before in (0, PATIENT_ATTEMPTS):
        with pytest.raises(NotTaken, match="KeyError at delivery") as failure:
            make_courier().deliver(first, attempts_before)
        assert "secret" not in str(failure.value)
    assert (desk.state("passed_over_at"), desk.state("delivered_at")) == ([first.notice_id], [second.notice_id])


def _stumble(facts) -> str:
    if facts.call_id == "WC-1":
        raise KeyError("secret")
    return "200"


def test_one_delivers_at_a_time(desk, make_courier, redis: Redis, receiver):
    """Who does not get the channel's lock sends nothing, also where it would be its turn."""
    notice = raised(desk, 1)
    lock = redis.lock(f"{LOCK}webhook", timeout=30)
    lock.acquire()
    with pytest.raises(OutOfTurn):
        make_courier().deliver(notice, 0)
    assert receiver.taken == []
    lock.release()
    make_courier().deliver(notice, 0)
    assert len(receiver.taken) == 1


@pytest.mark.parametrize(("seconds", "delivered"), [(3, 1), (30, 2)])
def test_nothing_is_begun_that_the_job_has_no_time_for(seconds, delivered, desk, make_courier, receiver):
    """A job ends in time: those behind it go on with jobs of their own."""
    first, _ = raised(desk, 1), raised(desk, 2)
    make_courier(job_timeout_seconds=seconds, alert_timeout_seconds=1).deliver(first, 0)
    assert len(receiver.taken) == delivered
