"""Batches of jobs on real servers: a culprit fails alone, a killed worker loses nothing, an outage costs no attempt."""

import json
import signal
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from shared.database import Database
from shared.errors import DatabaseUnavailable
from shared.jobs import StageJob
from shared.settings import Settings
from tests.integration.test_worker import count, count_blocked, is_dead, leftovers, stopped, work_off
from tests.programs import program, wait_for
from tests.servers import EmbeddedServers
from workers import tasks
from workers.batches import BatchQueue
from workers.worker import StageWorker

EXAMPLE = json.loads((Path(__file__).parent.parent / "data" / "conversation-update.json").read_text())


def body(number: int, text: str = "Hello.") -> bytes:
    """Make the body of a call of its own."""
    event = json.loads(json.dumps(EXAMPLE))
    event["message"]["call"]["id"] = f"WC-{number:04}"
    event["message"]["messages"][1]["text"] = text
    return json.dumps(event).encode()


def batch_queue(redis: Redis, stage: str = "transcripts") -> BatchQueue:
    """Make the queue of a stage, as a worker named `w` sees it."""
    queue = Queue(stage, connection=redis, job_class=StageJob, serializer=JSONSerializer)
    return BatchQueue(queue, redis, "w", "rq:worker:w")


def test_a_culprit_fails_alone(publish, redis, database, settings_of_programs, tmp_path):
    """Of a batch of 200 with one that cannot be stored, 199 are stored, and only that one has spent an attempt."""
    database.execute("alter table messages add check (text <> 'poison')")
    ids = [publish(body(number, "poison" if number == 77 else "Hello.")) for number in range(200)]
    work_off("transcripts", settings_of_programs, tmp_path / "log")
    assert count(database, "calls") == 199
    assert [f"{ids[77]}-transcripts".encode()] == redis.zrange("rq:scheduled:transcripts", 0, -1)
    # On a slow machine its pause may be over before the others are through, and it has spent another one.
    retries = [line for line in (tmp_path / "log").read_text().splitlines() if "outcome=retrying" in line]
    assert retries
    assert all(ids[77] in line for line in retries)


def test_a_body_that_cannot_be_read_does_not_spoil_its_batch(publish, redis, database, settings_of_programs, tmp_path):
    """One spoilt record among many is a dead letter; the others are stored in one batch."""
    ids = [publish(body(number)) for number in range(10)]
    redis.hset(f"earshot:event:{ids[3]}", "body", b"spoilt")
    work_off("transcripts", settings_of_programs, tmp_path / "log")
    assert count(database, "calls") == 9
    assert is_dead(redis, ids[3], "transcripts")
    assert "events=9" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_kill_9_in_a_batch_loses_nothing_and_doubles_nothing(
    moment, publish, redis, database, settings_of_programs, tmp_path
):
    """A worker killed in the middle of a batch, or between its commit and its last word to Redis, loses no event."""
    settings = {**settings_of_programs, "JOB_TIMEOUT_SECONDS": "2", "LEASE_MARGIN_SECONDS": "1"}
    for number in range(20):
        publish(body(number))
    with program("worker", "transcripts", settings=settings, log=tmp_path / "log") as worker:
        with database.transaction():
            database.execute("lock table messages in access exclusive mode")
            wait_for(lambda: count_blocked(database) == 1)
            if moment == "after the commit":
                redis.client_pause(60_000, all=False)
            else:
                worker.kill()
        if moment == "after the commit":
            wait_for(lambda: count(database, "messages") == 100)
            worker.kill()
            # Its last word may lie in the server's buffer already; it is to be unsaid.
            redis.client_kill_filter(_type="normal", skipme=True)
            redis.client_unpause()
        worker.wait()
    assert redis.zcard("rq:wip:transcripts") == 20
    with program("worker", "transcripts", settings=settings, log=tmp_path / "log"):
        wait_for(lambda: not any("-transcripts" in key for key in leftovers(redis)), seconds=40)
    assert (count(database, "calls"), count(database, "messages")) == (20, 100)


def test_the_jobs_of_a_killed_worker_run_alone_from_then_on(publish, redis, database, settings_of_programs, tmp_path):
    """What was in a batch when its worker was killed is not put into a batch again: the killer may be among it."""
    ids = [publish(body(number)) for number in range(3)]
    redis.hset(f"rq:job:{ids[1]}-transcripts", "retries_left", "3")
    queue = batch_queue(redis)
    taken = [queue.take(10, 10**9, lease_seconds=5) for _ in ids]
    assert [[event.event_id for event in batch.events] for batch in taken] == [[ids[0]], [], [ids[2]]]
    assert [job.job_id for job in taken[1].alone] == [f"{ids[1]}-transcripts"]


def test_an_outage_gives_the_batch_back_in_order(publish, redis, settings_of_programs, servers: EmbeddedServers):
    """What is given back stands at the front of the queue as before, queued, with all attempts and no lease."""
    ids = [f"{publish(body(number))}-transcripts" for number in range(5)]
    queue = batch_queue(redis)
    batch = queue.take(3, 10**9, lease_seconds=5)
    queue.give_back(batch, batch.plain)
    queue.give_back(batch, batch.plain)
    assert ids == [job_id.decode() for job_id in redis.lrange("rq:queue:transcripts", 0, -1)]
    assert redis.zcard("rq:wip:transcripts") == 0
    assert redis.hmget(f"rq:job:{ids[0]}", "status", "retries_left") == [b"queued", b"4"]


def test_a_stopped_postgresql_holds_a_backlog_up_but_spends_nothing(
    publish, redis, database_url, settings_of_programs, tmp_path, servers: EmbeddedServers
):
    """With PostgreSQL stopped under a backlog no job fails; all are stored when it is back."""
    with program("worker", "transcripts", settings=settings_of_programs, log=tmp_path / "log"):
        with stopped(servers, "postgres"):
            for number in range(30):
                publish(body(number))
            wait_for(lambda: "stage.waiting" in (tmp_path / "log").read_text())
        wait_for(lambda: not any("-transcripts" in key for key in leftovers(redis)), seconds=40)
    assert "outcome=dead" not in (tmp_path / "log").read_text()


def test_a_long_wait_for_a_lock_spends_no_attempt(publish, redis, database, settings_of_programs, tmp_path):
    """While somebody else holds a table, events wait, as they do when the server is away."""
    settings = {**settings_of_programs, "DATABASE_TIMEOUT_SECONDS": "1"}
    ids = [publish(body(number)) for number in range(3)]
    with program("worker", "transcripts", settings=settings, log=tmp_path / "log"):
        with database.transaction():
            database.execute("lock table messages in access exclusive mode")
            wait_for(lambda: (tmp_path / "log").read_text().count("stage.waiting") == 2)
            assert {redis.hget(f"rq:job:{event_id}-transcripts", "retries_left") for event_id in ids} == {b"4"}
        wait_for(lambda: count(database, "calls") == 3)


def test_a_signal_while_nothing_is_taken_ends_the_worker(redis, monkeypatch):
    """SIGTERM in the very moment of looking into an empty queue is not forgotten: the worker waits for nothing more."""
    database = Database("postgresql://nobody@/nowhere", timeout_seconds=1)
    worker = StageWorker("transcripts", redis, Settings(), database)

    def taken_while_stopping(*_):
        worker.request_stop(signal.SIGTERM, None)

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(worker._batches, "take", taken_while_stopping)
    assert worker.dequeue_job_and_maintain_ttl(5) is None
    assert worker.is_stopped


def test_a_batch_ends_where_its_bodies_grow_too_large(publish, redis):
    """A batch takes no further job once its bodies come to the limit, whatever their number."""
    for number in range(5):
        publish(body(number))
    assert len(batch_queue(redis).take(200, 10, lease_seconds=5).events) == 1
    assert len(batch_queue(redis).take(200, len(body(1)) + 1, lease_seconds=5).events) == 2


def test_finishing_twice_or_late_is_harmless(publish, redis):
    """A batch finished after its lease was over, or twice, leaves the books of others as they are."""
    publish(body(1))
    queue = batch_queue(redis)
    batch = queue.take(1, 10**9, lease_seconds=5)
    queue.finish(batch, 0.1)
    publish(body(1))
    queue.finish(batch, 0.1)
    assert redis.zcard("rq:wip:transcripts") == 0


def test_a_taken_job_looks_to_rq_like_one_of_its_own(publish, redis):
    """The fields and the registry entry of a job in a batch are those that the installed RQ writes."""
    ours, theirs = (f"{publish(body(number))}-transcripts" for number in range(2))
    before = set(redis.hgetall(f"rq:job:{ours}"))
    batch_queue(redis).take(1, 10**9, lease_seconds=45)

    queue = Queue("transcripts", connection=redis, job_class=StageJob, serializer=JSONSerializer)
    worker = SimpleWorker([queue], connection=redis, job_class=StageJob, serializer=JSONSerializer, name="theirs")
    job, _ = Queue.dequeue_any([queue], None, connection=redis, job_class=StageJob, serializer=JSONSerializer)
    worker.prepare_execution(job)
    worker.prepare_job_execution(job, remove_from_intermediate_queue=True)

    assert set(redis.hgetall(f"rq:job:{theirs}")) - before == set(redis.hgetall(f"rq:job:{ours}")) - before
    assert redis.hget(f"rq:job:{theirs}", "status") == redis.hget(f"rq:job:{ours}", "status")
    running = queue.started_job_registry.get_job_and_execution_ids(cleanup=False)
    assert {ours, theirs} == {job_id for job_id, _ in running}
    for key in (queue.key, queue.intermediate_queue.key, queue.started_job_registry.key):
        assert key in scripts()


def scripts() -> str:
    """Read the scripts, with the stage filled in."""
    folder = Path(__file__).parent.parent.parent / "shared" / "lua"
    return "".join(path.read_text() for path in folder.glob("*.lua")).replace("<stage>", "transcripts")


def test_a_frozen_worker_that_wakes_after_its_lease_does_no_harm(
    publish, redis, database, settings_of_programs, tmp_path
):
    """A worker stopped beyond its lease and resumed finishes what another has done meanwhile; rows stay single."""
    settings = {**settings_of_programs, "JOB_TIMEOUT_SECONDS": "2", "LEASE_MARGIN_SECONDS": "1"}
    for number in range(5):
        publish(body(number))
    with program("worker", "transcripts", settings=settings, log=tmp_path / "frozen") as frozen:
        with database.transaction():
            database.execute("lock table messages in access exclusive mode")
            wait_for(lambda: count_blocked(database) == 1)
            frozen.send_signal(signal.SIGSTOP)
        # The frozen worker's transaction holds the calls; the server ends it, as idle_in_transaction limits would.
        database.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'earshot' and datname = current_database()"
        )
        with program("worker", "transcripts", settings=settings, log=tmp_path / "awake"):
            wait_for(lambda: count(database, "messages") == 25, seconds=40)
            frozen.send_signal(signal.SIGCONT)
            wait_for(lambda: not any("-transcripts" in key for key in leftovers(redis)), seconds=40)
    assert (count(database, "calls"), count(database, "messages")) == (5, 25)


def test_a_late_finish_leaves_no_dead_letter_behind(publish, redis):
    """A job that a sweep gave up, while its worker was only slow, is done and no dead letter."""
    event_id = publish(body(1))
    queue = batch_queue(redis)
    batch = queue.take(1, 10**9, lease_seconds=5)
    redis.zadd("rq:failed:transcripts", {f"{event_id}-transcripts": 1})
    redis.zadd("rq:scheduled:transcripts", {f"{event_id}-transcripts": 1})
    queue.finish(batch, 0.1)
    assert not redis.exists("rq:failed:transcripts", "rq:scheduled:transcripts")


def test_a_job_that_is_twice_in_the_queue_harms_nobody(publish, redis, database, settings_of_programs, tmp_path):
    """Beside a culprit, for which the batch is split, a doubled entry neither ends the worker nor costs an attempt."""
    database.execute("alter table messages add check (text <> 'poison')")
    ids = [publish(body(number, "poison" if number == 0 else "Hello.")) for number in range(6)]
    redis.rpush("rq:queue:transcripts", f"{ids[3]}-transcripts")
    work_off("transcripts", settings_of_programs, tmp_path / "log")
    assert count(database, "calls") == 5
    assert redis.zcard("rq:wip:transcripts") == 0


def test_a_job_done_elsewhere_is_passed_over(publish, redis, database_url):
    """Of jobs that run one by one, those that are done or taken back meanwhile are left alone."""
    event_id = publish(body(1))
    worker = _worker(redis, database_url)
    batch = worker._batches.take(9, 10**9, lease_seconds=60)
    redis.delete(f"rq:job:{event_id}-transcripts")
    worker._run_one_by_one(batch, batch.plain, worker.queues[0])
    assert redis.zcard("rq:wip:transcripts") == 0


def test_an_outage_while_jobs_run_one_by_one_costs_no_attempt(publish, redis, database_url, monkeypatch):
    """When PostgreSQL goes away after a batch was split, what has not run yet goes back with all its attempts."""
    for number in range(4):
        publish(body(number))
    worker = _worker(redis, database_url)
    batch = worker._batches.take(9, 10**9, lease_seconds=60)

    def away(*_: object) -> int:
        raise DatabaseUnavailable("gone")

    monkeypatch.setattr(tasks, "run_stage", away)
    monkeypatch.setattr(worker, "_wait_for_server", lambda: None)
    worker._run_one_by_one(batch, batch.plain, worker.queues[0])
    assert redis.llen("rq:queue:transcripts") == 3
    assert redis.zcard("rq:scheduled:transcripts") == 1
    assert {redis.hget(f"rq:job:{job.job_id}", "retries_left") for job in batch.plain} == {b"4"}
    assert redis.zcard("rq:wip:transcripts") == 0


def _worker(redis: Redis, database_url: str) -> StageWorker:
    return StageWorker("transcripts", redis, Settings(), Database(database_url, timeout_seconds=5))
