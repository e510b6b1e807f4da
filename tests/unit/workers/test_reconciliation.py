"""The reconciler dispatches what is lost, and nothing else: on a Redis in process, with the real scripts."""

import time
from collections.abc import Callable

import pytest
from fakeredis import FakeRedis
from redis import Redis

from shared.publisher import IncomingEvent, Publisher
from shared.settings import Settings
from workers.pages import LONG_PAGE, read_queue
from workers.reconciliation import Reconciler
from workers.turns import KEY

TOKEN = "ours"
STAGE = "metrics"


@pytest.fixture
def redis() -> Redis:
    """An empty Redis, with the turn taken."""
    client = FakeRedis()
    client.set(KEY, TOKEN)
    return client


def published(redis: Redis, number: int = 1, *stages: str) -> str:
    """Publish an event as the ingest does; gives its id."""
    event_id = f"{number:032x}"
    Publisher(redis, Settings()).publish(IncomingEvent(event_id, 0, stages or (STAGE,), b"{}"))
    return event_id


def reconciler(redis: Redis, token: str = TOKEN) -> Reconciler:
    return Reconciler(redis, Settings(), token)


def run_rounds(redis: Redis, rounds: int = 2, token: str = TOKEN) -> list[int]:
    """Run some rounds and tell how many jobs each has dispatched."""
    ours = reconciler(redis, token)
    return [ours.run_round(lambda: None) for _ in range(rounds)]


def queue(redis: Redis) -> list[bytes]:
    return redis.lrange(f"rq:queue:{STAGE}", 0, -1)


def take(redis: Redis, job_id: str, lease_seconds: float = 60) -> None:
    """Take a job as a worker does."""
    redis.hset(f"rq:job:{job_id}", mapping={"status": "started", "started_at": "2026-11-23T10:00:00.000000Z"})
    redis.lrem(f"rq:queue:{STAGE}", 1, job_id)
    redis.zadd(f"rq:wip:{STAGE}", {f"{job_id}:run": time.time() + lease_seconds})


def lose_hash(redis: Redis, job_id: str) -> None:
    redis.delete(f"rq:job:{job_id}")


def leave_a_piece_of_the_hash(redis: Redis, job_id: str) -> None:
    redis.delete(f"rq:job:{job_id}")
    redis.hset(f"rq:job:{job_id}", "status", "queued")


def lose_place(redis: Redis, job_id: str) -> None:
    redis.delete(f"rq:queue:{STAGE}")


def die_between_pop_and_take(redis: Redis, job_id: str) -> None:
    redis.lmove(f"rq:queue:{STAGE}", f"rq:queue:{STAGE}:intermediate", "LEFT", "RIGHT")
    redis.set(f"rq:queue:{STAGE}:intermediate:first_seen:{job_id}", time.time())


def lose_lease(redis: Redis, job_id: str) -> None:
    take(redis, job_id)
    redis.delete(f"rq:wip:{STAGE}")


def lose_all(redis: Redis, job_id: str) -> None:
    lose_place(redis, job_id)
    lose_hash(redis, job_id)


def lose_schedule(redis: Redis, job_id: str) -> None:
    lose_place(redis, job_id)
    redis.hset(f"rq:job:{job_id}", "status", "scheduled")


def lose_failure(redis: Redis, job_id: str) -> None:
    lose_place(redis, job_id)
    redis.hset(f"rq:job:{job_id}", "status", "failed")


@pytest.mark.parametrize(
    "lose",
    [
        *(lose_hash, leave_a_piece_of_the_hash, lose_place, die_between_pop_and_take, lose_lease, lose_all),
        *(lose_schedule, lose_failure),
    ],
)
def test_a_lost_job_is_dispatched_once_in_the_second_round(lose: Callable[[Redis, str], None], redis: Redis):
    """However a job got lost, it is as published again after two looks, and then left alone."""
    job_id = f"{published(redis)}-{STAGE}"
    as_published = redis.hgetall(f"rq:job:{job_id}")
    lose(redis, job_id)
    assert run_rounds(redis, 4) == [0, 1, 0, 0]
    assert job_id.encode() in queue(redis)
    assert set(redis.hgetall(f"rq:job:{job_id}")) == set(as_published)
    for field in (b"data", b"status", b"retries_left", b"meta", b"origin"):
        assert (field, redis.hget(f"rq:job:{job_id}", field)) == (field, as_published[field])
    assert redis.lrange(f"rq:queue:{STAGE}:intermediate", 0, -1) == []
    assert redis.keys("*first_seen*") == []


def wait(redis: Redis, job_id: str) -> None:
    """Wait in the queue, as published."""


def be_at_work(redis: Redis, job_id: str) -> None:
    take(redis, job_id)


def wait_for_the_next_attempt(redis: Redis, job_id: str) -> None:
    lose_schedule(redis, job_id)
    redis.zadd(f"rq:scheduled:{STAGE}", {job_id: time.time() + 60})


def be_a_dead_letter(redis: Redis, job_id: str) -> None:
    lose_failure(redis, job_id)
    redis.zadd(f"rq:failed:{STAGE}", {job_id: -1})


def be_a_dead_letter_without_a_job(redis: Redis, job_id: str) -> None:
    be_a_dead_letter(redis, job_id)
    lose_hash(redis, job_id)


def be_done(redis: Redis, job_id: str) -> None:
    redis.flushall()
    redis.set(KEY, TOKEN)


@pytest.mark.parametrize(
    "stand",
    [wait, be_at_work, wait_for_the_next_attempt, be_a_dead_letter, be_a_dead_letter_without_a_job, be_done],
)
def test_what_is_held_is_never_touched(stand: Callable[[Redis, str], None], redis: Redis):
    """A job that waits, works, pauses or is a dead letter stays as it is, however often one looks."""
    job_id = f"{published(redis)}-{STAGE}"
    stand(redis, job_id)
    before = {key: redis.dump(key) for key in redis.keys("*")}
    assert run_rounds(redis, 4) == [0, 0, 0, 0]
    assert before == {key: redis.dump(key) for key in redis.keys("*")}


def test_only_the_stage_that_is_lost_is_dispatched(redis: Redis):
    """Of an event's stages the others stay in their queues once."""
    event_id = published(redis, 1, "transcripts", STAGE)
    lose_hash(redis, f"{event_id}-{STAGE}")
    assert run_rounds(redis) == [0, 1]
    assert [f"{event_id}-transcripts".encode()] == redis.lrange("rq:queue:transcripts", 0, -1)


def test_a_job_that_somebody_has_had_in_hand_is_no_more_suspect(redis: Redis):
    """A job found in no list twice, but changed between, was being handed over."""
    job_id = f"{published(redis)}-{STAGE}"
    lose_place(redis, job_id)
    ours = reconciler(redis)
    assert ours.run_round(lambda: None) == 0
    redis.hset(f"rq:job:{job_id}", "started_at", "2026-11-23T10:00:01.000000Z")
    assert ours.run_round(lambda: None) == 0
    assert ours.run_round(lambda: None) == 1


@pytest.mark.parametrize("happens", [be_done, wait_for_the_next_attempt, be_a_dead_letter, be_at_work])
def test_what_happens_in_the_last_moment_wins(happens: Callable[[Redis, str], None], redis: Redis, monkeypatch):
    """Between the second look and the script the job may have moved on: then nothing is dispatched."""
    job_id = f"{published(redis)}-{STAGE}"
    lose_place(redis, job_id)
    ours = reconciler(redis)
    ours.run_round(lambda: None)
    script = ours._redispatch

    def dispatch_late(*arguments: object) -> object:
        happens(redis, job_id)
        return script(*arguments)

    monkeypatch.setattr(ours, "_redispatch", dispatch_late)
    assert ours.run_round(lambda: None) == 0
    assert queue(redis) == []


def test_a_stage_that_is_done_without_its_job_is_not_dispatched(redis: Redis, monkeypatch):
    """A worker may finish a stage whose job's hash was deleted under it: in the last moment, too."""
    job_id = f"{published(redis)}-{STAGE}"
    lose_all(redis, job_id)
    ours = reconciler(redis)
    ours.run_round(lambda: None)
    script = ours._redispatch
    monkeypatch.setattr(ours, "_redispatch", lambda *arguments: (be_done(redis, job_id), script(*arguments))[1])
    assert ours.run_round(lambda: None) == 0
    assert not redis.exists(f"rq:job:{job_id}")


def test_attempts_that_are_spent_stay_spent(redis: Redis):
    """The job may be the one that kills its workers: it must not get new attempts for ever."""
    job_id = f"{published(redis)}-{STAGE}"
    redis.hset(f"rq:job:{job_id}", "retries_left", "1")
    lose_place(redis, job_id)
    assert run_rounds(redis) == [0, 1]
    assert redis.hmget(f"rq:job:{job_id}", "retries_left", "meta") == [b"1", b'{"attempts": 4}']


def test_without_the_turn_nothing_is_dispatched(redis: Redis):
    """A janitor that hung and wakes up when another acts does no harm."""
    lose_place(redis, published(redis))
    assert run_rounds(redis, token="of another time") == [0, 0]
    assert queue(redis) == []


def test_what_was_seen_in_an_earlier_turn_does_not_count(redis: Redis):
    """After `forget` a job has to be found twice again."""
    lose_place(redis, published(redis))
    ours = reconciler(redis)
    ours.run_round(lambda: None)
    ours.forget()
    assert [ours.run_round(lambda: None) for _ in range(2)] == [0, 1]


def test_a_large_loss_is_dispatched_whole(redis: Redis):
    """A queue that vanished with many jobs is there again, each job once."""
    expected = {f"{published(redis, number)}-{STAGE}".encode() for number in range(500)}
    lose_place(redis, "")
    assert run_rounds(redis) == [0, 500]
    assert len(queue(redis)) == 500
    assert set(queue(redis)) == expected


def test_a_backlog_is_read_whole_while_workers_take_from_it(redis: Redis):
    """Jobs that are taken, given back and published while a long queue is read hide no other job from the reader."""
    key = "rq:queue:long"
    there_all_the_time = [b"%d" % number for number in range(3 * LONG_PAGE)]
    redis.rpush(key, *(b"taken-%d" % number for number in range(4000)), *there_all_the_time)
    seen: set[bytes] = set()
    for number, page in enumerate(read_queue(redis, key)):
        seen.update(page)
        redis.ltrim(key, 1500 if number < 2 else 0, -1)
        redis.rpush(key, *(b"new-%d-%d" % (number, count) for count in range(700)))
        redis.lpush(key, b"given-back-%d" % number)
    assert seen >= set(there_all_the_time)
