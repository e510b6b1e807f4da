"""`earshot janitor` on real servers: whatever gets lost is stored all the same, once, and what is well is let alone."""

import time
from collections.abc import Callable, Mapping

import psycopg
import pytest
from redis import Redis

from shared.database import Database
from shared.jobs import OUT_OF_REACH_SECONDS
from shared.publisher import IncomingEvent, Publisher
from shared.settings import Settings
from tests.integration.test_batches import batch_queue, body
from tests.integration.test_worker import STAGES, count, is_dead, leftovers
from tests.programs import program, wait_for
from workers.janitor import Janitor
from workers.reconciliation import Reconciler
from workers.retention import delete_receipts, discard_dead_letters
from workers.sweeps import IntermediateSweep, drop_orphans, drop_stale_marks, sweep_leases
from workers.turns import KEY, Turn

RECOVERY_SECONDS = 5
DAY = 24 * 60 * 60


@pytest.fixture
def settings(settings_of_programs: Mapping[str, str]) -> Mapping[str, str]:
    """The programs' settings, with the shortest recovery; workers do not sweep, so that the janitor has to."""
    return {**settings_of_programs, "RECOVERY_SECONDS": str(RECOVERY_SECONDS), "MAINTENANCE_SECONDS": "3600"}


def nothing() -> None:
    """What a test does between pages."""


def events_left(redis: Redis) -> int:
    return sum(1 for _ in redis.scan_iter("earshot:event:*"))


def test_whatever_gets_lost_is_stored_once(publish, redis, database, settings, tmp_path):
    """Jobs lost in every way there is are stored with all the others, each once, and Redis forgets them."""
    ids = [publish(body(number)) for number in range(30)]
    jobs = [f"{event_id}-transcripts" for event_id in ids]
    redis.delete(f"rq:job:{jobs[0]}")
    redis.lrem("rq:queue:transcripts", 1, jobs[1])
    batch = batch_queue(redis).take(4, 10**9, lease_seconds=600)
    lost_lease, dead_worker, killed = (job.job_id for job in batch.plain)
    redis.zrem("rq:wip:transcripts", f"{lost_lease}:{batch.execution_id}")
    redis.zadd("rq:wip:transcripts", {f"{dead_worker}:{batch.execution_id}": time.time() - 60})
    redis.zrem("rq:wip:transcripts", f"{killed}:{batch.execution_id}")
    redis.delete(f"rq:job:{killed}")
    redis.lmove("rq:queue:transcripts", "rq:queue:transcripts:intermediate", "LEFT", "RIGHT")
    redis.hset(f"rq:job:{jobs[20]}", "status", "scheduled")
    redis.lrem("rq:queue:transcripts", 1, jobs[20])
    for stage in ("metrics", "interruptions", "sentiment"):
        redis.delete(f"rq:queue:{stage}")

    with (
        program("janitor", settings=settings, log=tmp_path / "janitor"),
        program("worker", "transcripts", settings=settings, log=tmp_path / "worker"),
        program("worker", "metrics", settings=settings, log=tmp_path / "worker"),
        program("worker", "interruptions", settings=settings, log=tmp_path / "worker"),
        program("worker", "sentiment", settings=settings, log=tmp_path / "worker"),
    ):
        wait_for(lambda: events_left(redis) == 0, seconds=30)
    assert (count(database, "calls"), count(database, "messages")) == (30, 150)
    assert [key for key in leftovers(redis) if key != KEY] == []
    assert "janitor.mended" in (tmp_path / "janitor").read_text()


def test_a_healthy_backlog_is_never_touched(redis):
    """Thousands that wait for a worker that is down, and a dead letter among them, stay as they are."""
    job_id = f"{publish_many(redis, 3000)[7]}-metrics"
    redis.lrem("rq:queue:metrics", 1, job_id)
    redis.hset(f"rq:job:{job_id}", "status", "failed")
    redis.zadd("rq:failed:metrics", {job_id: OUT_OF_REACH_SECONDS + time.time()})
    before = {key: redis.dump(key) for key in redis.scan_iter()}
    assert [rounds() for rounds in 4 * [janitor_of(redis)]] == 4 * [0]
    assert before == {key: redis.dump(key) for key in redis.scan_iter() if key != KEY.encode()}


def test_a_backlog_at_work_is_never_touched(redis, database, settings, tmp_path):
    """While a worker drains a queue of thousands, looking round without a pause finds nothing lost."""
    publish_many(redis, 3000, "transcripts")
    mend = janitor_of(redis)
    settings = {**settings, "BATCH_SIZE": "20"}
    dispatched = rounds = 0
    with program("worker", "transcripts", settings=settings, log=tmp_path / "log"):
        while events_left(redis) and rounds < 2000:
            dispatched += mend()
            rounds += 1
    assert events_left(redis) == 0
    assert (count(database, "calls"), dispatched) == (3000, 0)
    assert rounds > 10


def publish_many(redis: Redis, number: int, *stages: str) -> list[str]:
    """Publish events of calls of their own; gives their ids."""
    publisher = Publisher(redis, Settings())
    events = [
        IncomingEvent(f"{count:032x}", 0, stages or STAGES, body(count), "conversation-update", f"WC-{count:04}")
        for count in range(number)
    ]
    for event in events:
        publisher.publish(event)
    return [event.event_id for event in events]


def janitor_of(redis: Redis) -> Callable[[], int]:
    """Give a function that looks round once, whenever it is called, and tells how many jobs it has dispatched."""
    turn = Turn(redis, 60)
    turn.take()
    reconciler = Reconciler(redis, Settings(), turn.token)
    return lambda: reconciler.run_round(nothing)


def test_a_lease_that_is_over_costs_an_attempt_and_at_last_the_job(publish, redis):
    """Without a worker to sweep, the janitor takes jobs back as one would; a killer of workers is a dead letter."""
    ids = [publish(body(number), job_attempts=attempts) for number, attempts in enumerate((3, 1))]
    batch = batch_queue(redis).take(2, 10**9, lease_seconds=-60)
    assert len(batch.plain) == 2
    assert sweep_leases(redis, 120) == 0
    assert sweep_leases(redis, 10) == 2
    assert redis.zcard("rq:wip:transcripts") == 0
    assert redis.hmget(f"rq:job:{ids[0]}-transcripts", "status", "retries_left") == [b"scheduled", b"1"]
    assert [f"{ids[0]}-transcripts".encode()] == redis.zrange("rq:scheduled:transcripts", 0, -1)
    assert is_dead(redis, ids[1], "transcripts")


def test_a_job_that_nobody_can_read_does_not_stop_the_sweep(publish, redis):
    """A spoilt job hash is taken off the started jobs, so that it can be dispatched anew."""
    event_id = publish(body(1))
    batch_queue(redis).take(1, 10**9, lease_seconds=-60)
    redis.hset(f"rq:job:{event_id}-transcripts", "created_at", "never")
    assert sweep_leases(redis, 10) == 1
    assert redis.zcard("rq:wip:transcripts") == 0


def test_ids_that_a_dead_worker_left_behind_are_struck(publish, redis):
    """An id in the intermediate queue whose stage is done goes in the second round; one that is pending stays."""
    event_id = publish(body(1))
    key = "rq:queue:metrics:intermediate"
    redis.rpush(key, f"{event_id}-metrics", "0123456789abcdef0123456789abcdef-metrics")
    sweep = IntermediateSweep(redis)
    assert [sweep.run_round() for _ in range(3)] == [0, 1, 0]
    assert [f"{event_id}-metrics".encode()] == redis.lrange(key, 0, -1)


def test_orphans_go_after_an_hour_and_others_jobs_never(publish, redis):
    """A job without anything pending goes when nobody has touched it for an hour; foreign and recent ones stay."""
    recent, pending = publish(body(1)), publish(body(2))
    old = "0123456789abcdef0123456789abcdef-metrics"
    long_ago = {"enqueued_at": "2026-01-01T00:00:00.000000Z", "data": "x"}
    redis.delete(f"earshot:event:{recent}")
    redis.hset(f"rq:job:{old}", mapping=long_ago)
    redis.zadd("rq:scheduled:metrics", {old: 1})
    for others in ("rq:job:somebody-elses", "rq:job:0123456789abcdef0123456789abcdef-mails"):
        redis.hset(others, mapping=long_ago)
    redis.hset(f"rq:job:{pending}-metrics", mapping={**long_ago, "created_at": long_ago["enqueued_at"]})
    jobs = {key.decode() for key in redis.keys("rq:job:*")}
    turn = Turn(redis, 60)
    assert drop_orphans(redis, turn.token, nothing) == 0
    assert turn.take()
    assert drop_orphans(redis, turn.token, nothing) == 1
    assert {key.decode() for key in redis.keys("rq:job:*")} == jobs - {f"rq:job:{old}"}
    assert redis.zcard("rq:scheduled:metrics") == 0


def test_stale_marks_go(redis):
    """A mark of RQ's sweep goes when its job is not on its way any more."""
    prefix = "rq:queue:metrics:intermediate"
    redis.rpush(prefix, "there")
    redis.set(f"{prefix}:first_seen:there", 1)
    redis.set(f"{prefix}:first_seen:gone", 1)
    assert drop_stale_marks(redis) == 1
    assert redis.keys(f"{prefix}:first_seen:*") == [f"{prefix}:first_seen:there".encode()]


def test_dead_letters_are_discarded_after_their_days(publish, redis):
    """Older ones go, with their event when it was the last stage; younger ones, and those of unknown age, stay."""
    ids = [publish(body(number)) for number in range(3)]
    stages = ("transcripts", "metrics", "interruptions", "sentiment")
    for event_id, age_days in zip(ids, (8, 6, None), strict=True):
        for stage in stages:
            score = -1 if age_days is None else OUT_OF_REACH_SECONDS + time.time() - age_days * DAY
            redis.zadd(f"rq:failed:{stage}", {f"{event_id}-{stage}": score})
    assert dict(discard_dead_letters(redis, 7, nothing)) == dict.fromkeys(stages, 1)
    assert [redis.exists(f"earshot:event:{event_id}") for event_id in ids] == [0, 1, 1]
    assert not any(ids[0] in key for key in leftovers(redis) if not key.startswith("rq:queue"))


def test_failed_jobs_of_others_in_our_queue_do_not_hold_up_the_janitor(publish, redis):
    """A failed job that is none of ours is passed over, and what is behind it discarded."""
    event_id = publish(body(1))
    redis.zadd("rq:failed:metrics", {"somebody-elses": OUT_OF_REACH_SECONDS + 1})
    redis.zadd("rq:failed:metrics", {f"{event_id}-metrics": OUT_OF_REACH_SECONDS + 2})
    assert dict(discard_dead_letters(redis, 7, nothing)) == {"metrics": 1}


def test_dead_letters_stay_unless_a_limit_is_set(publish, redis):
    """By default no age is too great."""
    event_id = publish(body(1))
    redis.zadd("rq:failed:metrics", {f"{event_id}-metrics": OUT_OF_REACH_SECONDS})
    for days, left in ((0, 1), (1, 0)):
        janitor = Janitor(redis, Settings(dead_letter_days=days))
        janitor._forget_in_background = nothing
        janitor.look()
        janitor.turn.end()
        assert redis.zcard("rq:failed:metrics") == left


def test_receipts_are_forgotten_after_their_days(database: psycopg.Connection, database_url: str):
    """Older receipts go, younger ones stay."""
    database.execute(
        "insert into receipts (call_id, event_id, stage, event_type, received_at, stored_at, written)"
        " select 'c', number::text, 'metrics', 't', now(), now() - make_interval(days => number), 1"
        " from generate_series(10, 18) as number"
    )
    store = Database(database_url, 5)
    assert delete_receipts(store, 14) == 5
    store.close()
    left = database.execute("select event_id from receipts order by event_id").fetchall()
    assert [name for (name,) in left] == ["10", "11", "12", "13"]


def test_two_never_act_at_once(redis):
    """The turn is one janitor's until it ends it or lets it expire."""
    first, second = Turn(redis, 60), Turn(redis, 60)
    assert (first.take(), second.take(), first.take()) == (True, False, True)
    second.end()
    assert redis.exists(KEY)
    first.end()
    assert second.take()
