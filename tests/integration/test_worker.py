"""Workers as processes, on real servers: they drain, wait, retry, recover, and leave the others alone."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from shared.jobs import StageJob
from tests.programs import program, wait_for
from tests.servers import EmbeddedServers

EXAMPLE = (Path(__file__).parent.parent / "data" / "conversation-update.json").read_bytes()
STAGES = ("transcripts", "metrics", "interruptions", "sentiment")


def count(database: psycopg.Connection, table: str) -> int:
    """Count the rows of a table."""
    (number,) = database.execute(f"select count(*) from {table}").fetchone()
    return number


def work_off(stage: str, settings: Mapping[str, str], log: Path) -> None:
    """Run a worker until its queue is empty."""
    with program("worker", stage, "--burst", settings=settings, log=log) as worker:
        assert worker.wait(timeout=30) == 0, log.read_text()


def leftovers(redis: Redis) -> list[str]:
    """List all keys that belong to an event or a job."""
    keys = (key.decode() for key in redis.scan_iter())
    return sorted(key for key in keys if key != "rq:queues" and not key.startswith(("rq:worker", "rq:clean")))


def is_dead(redis: Redis, event_id: str, stage: str) -> bool:
    """Tell whether a job is a dead letter."""
    return redis.zscore(f"rq:failed:{stage}", f"{event_id}-{stage}") is not None


def test_an_event_becomes_rows_and_redis_forgets_it(publish, redis, database, settings_of_programs, tmp_path):
    """Once all stages of an event are done its rows are in PostgreSQL and nothing of it is in Redis."""
    publish(EXAMPLE)
    for stage in STAGES:
        work_off(stage, settings_of_programs, tmp_path / "log")
    assert (count(database, "messages"), count(database, "message_metrics")) == (5, 5)
    assert leftovers(redis) == []


def test_a_stage_that_is_down_holds_up_nobody_and_catches_up(publish, redis, database, settings_of_programs, tmp_path):
    """With the workers of one stage stopped the others finish; started later, it catches up."""
    event_id = publish(EXAMPLE)
    work_off("metrics", settings_of_programs, tmp_path / "log")
    work_off("interruptions", settings_of_programs, tmp_path / "log")
    work_off("sentiment", settings_of_programs, tmp_path / "log")
    assert (count(database, "messages"), count(database, "message_metrics")) == (0, 5)
    assert redis.exists(f"earshot:event:{event_id}")
    work_off("transcripts", settings_of_programs, tmp_path / "log")
    assert count(database, "messages") == 5
    assert leftovers(redis) == []


def test_a_stock_rq_worker_runs_the_same_jobs(publish, redis, database, settings_of_programs):
    """RQ's own worker, given our job class and serializer, does the work; its own tools see the jobs."""
    publish(EXAMPLE)
    seen = run_rq("info", "--raw", settings=settings_of_programs)
    assert "queue metrics 1" in seen.replace(",", "")
    run_rq(
        *("worker", "--burst", "--serializer", "json", "--job-class", "shared.jobs.StageJob", "metrics"),
        settings=settings_of_programs,
    )
    assert count(database, "message_metrics") == 5
    assert "rq:queue:metrics" not in leftovers(redis)


def test_what_cannot_be_read_is_a_dead_letter_at_once(publish, redis, settings_of_programs, tmp_path):
    """An event whose stored body is spoilt fails without a retry, keeps its record, and harms no neighbour."""
    bad = publish(EXAMPLE)
    redis.hset(f"earshot:event:{bad}", "body", b"not what was stored")
    publish(EXAMPLE.replace(b"WC-", b"CC-"))
    work_off("metrics", settings_of_programs, tmp_path / "log")
    assert is_dead(redis, bad, "metrics")
    assert redis.exists(f"earshot:event:{bad}")
    assert redis.zcard("rq:failed:metrics") == 1
    assert "outcome=dead" in (tmp_path / "log").read_text()


def test_a_failed_job_can_be_requeued_with_rqs_own_command(publish, redis, database, settings_of_programs, tmp_path):
    """`rq requeue` brings a dead letter back, and it is stored once its cause is gone."""
    event_id = publish(EXAMPLE, job_attempts=1)
    database.execute("alter table message_metrics add constraint never check (false)")
    work_off("metrics", settings_of_programs, tmp_path / "log")
    assert is_dead(redis, event_id, "metrics")
    database.execute("alter table message_metrics drop constraint never")
    run_rq(
        *("requeue", "--queue", "metrics", "--serializer", "json", "--job-class", "shared.jobs.StageJob"),
        f"{event_id}-metrics",
        settings=settings_of_programs,
    )
    work_off("metrics", settings_of_programs, tmp_path / "log")
    assert count(database, "message_metrics") == 5
    assert not is_dead(redis, event_id, "metrics")
    assert f"rq:results:{event_id}-metrics" not in leftovers(redis)


def test_a_failing_stage_tries_again_later_and_not_at_once(publish, redis, database, settings_of_programs, tmp_path):
    """A job that fails for a reason of its own is scheduled, with one attempt less; its turn comes by itself."""
    event_id = publish(EXAMPLE)
    database.execute("alter table message_metrics add constraint never check (false)")
    work_off("metrics", settings_of_programs, tmp_path / "log")
    job = StageJob.fetch(f"{event_id}-metrics", connection=redis)
    assert (job.get_status(), job.retries_left) == ("scheduled", 3)
    error, reason = redis.hmget(job.key, "error", "reason")
    assert (error, b"CheckViolation" in reason) == (b"CheckViolation", True)
    database.execute("alter table message_metrics drop constraint never")
    with program("worker", "metrics", settings=settings_of_programs, log=tmp_path / "log"):
        wait_for(lambda: count(database, "message_metrics") == 5)
        wait_for(lambda: "rq:scheduled:metrics" not in leftovers(redis))


def test_the_last_attempt_ends_in_a_dead_letter_that_quotes_nothing(
    publish, redis, database, settings_of_programs, tmp_path
):
    """After its attempts a job is a dead letter; neither the log nor Redis quotes the row it failed on."""
    event_id = publish(EXAMPLE, job_attempts=1)
    database.execute("alter table messages add check (text <> 'Some time next week.')")
    work_off("transcripts", settings_of_programs, tmp_path / "log")
    assert is_dead(redis, event_id, "transcripts")
    told = (tmp_path / "log").read_text() + repr(redis.hgetall(f"rq:job:{event_id}-transcripts"))
    (result,) = StageJob.fetch(f"{event_id}-transcripts", connection=redis).results()
    told += result.exc_string
    assert "CheckViolation" in told
    assert "next week" not in told


def test_an_outage_of_postgresql_spends_no_attempt(
    publish, redis, database_url, settings_of_programs, tmp_path, servers: EmbeddedServers
):
    """While PostgreSQL is away a worker waits; when it is back the job is done, with all attempts left."""
    with program("worker", "metrics", settings=settings_of_programs, log=tmp_path / "log"):
        with stopped(servers, "postgres"):
            event_id = publish(EXAMPLE)
            wait_for(lambda: "DatabaseUnavailable" in (tmp_path / "log").read_text())
            wait_for(lambda: redis.hget(f"rq:job:{event_id}-metrics", "status") in (b"queued", b"scheduled"))
            assert redis.hget(f"rq:job:{event_id}-metrics", "retries_left") == b"4"
        wait_for(lambda: not redis.exists(f"rq:job:{event_id}-metrics"))
    with psycopg.connect(database_url, autocommit=True) as database:
        assert count(database, "message_metrics") == 5


def test_a_missing_table_holds_the_stage_up_and_spends_nothing(
    publish, redis, database, settings_of_programs, tmp_path
):
    """Before a migration or a grant is there the stage waits; no event becomes a dead letter for it."""
    log = tmp_path / "log"
    database.execute("alter table message_metrics rename to elsewhere")
    with program("worker", "metrics", settings=settings_of_programs, log=log):
        event_id = publish(EXAMPLE)
        wait_for(lambda: log.read_text().count("stage.waiting") >= 2)
        assert redis.hget(f"rq:job:{event_id}-metrics", "retries_left") == b"4"
        database.execute("alter table elsewhere rename to message_metrics")
        wait_for(lambda: count(database, "message_metrics") == 5)


def test_a_worker_survives_a_restart_of_redis(
    publish, redis, database, settings_of_programs, tmp_path, servers: EmbeddedServers
):
    """A worker whose Redis dies and comes back goes on by itself, in the same process."""
    log = tmp_path / "log"
    with program("worker", "metrics", settings=settings_of_programs, log=log) as worker:
        wait_for(lambda: redis.scard("rq:workers") == 1)
        servers.stop("valkey", signal_number=signal.SIGKILL)
        servers.start("valkey")
        publish(EXAMPLE)
        wait_for(lambda: count(database, "message_metrics") == 5)
        assert worker.poll() is None
        wait_for(lambda: len(redis.pubsub_channels("rq:pubsub:*")) == 1)


def test_sigterm_lets_the_job_at_hand_finish(publish, redis, database, settings_of_programs, tmp_path):
    """SIGTERM in the middle of a job: the job is stored, the worker ends with status 0, the next job stays."""
    publish(EXAMPLE)
    with program("worker", "metrics", settings=settings_of_programs, log=tmp_path / "log") as worker:
        with database.transaction():
            database.execute("lock table message_metrics in access exclusive mode")
            wait_for(lambda: count_blocked(database) == 1)
            worker.send_signal(signal.SIGTERM)
            wait_for(lambda: redis.hexists(worker_key(redis), "shutdown_requested_date"))
            publish(EXAMPLE.replace(b"WC-", b"CC-"))
        assert worker.wait(timeout=20) == 0
    assert count(database, "message_metrics") == 5
    assert redis.llen("rq:queue:metrics") == 1


def test_an_idle_worker_ends_at_once_on_sigterm(redis, settings_of_programs, tmp_path):
    """SIGTERM ends a waiting worker with status 0 and takes it off RQ's list."""
    with program("worker", "metrics", settings=settings_of_programs, log=tmp_path / "log") as worker:
        wait_for(lambda: redis.scard("rq:workers") == 1)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=10) == 0
    assert redis.scard("rq:workers") == 0


def test_a_killed_workers_job_is_taken_up_by_another(publish, redis, database, settings_of_programs, tmp_path):
    """kill -9 in the middle of a job loses nothing: when the lease is over another worker does the job."""
    settings = {**settings_of_programs, "JOB_TIMEOUT_SECONDS": "2", "LEASE_MARGIN_SECONDS": "1"}
    event_id = publish(EXAMPLE, job_timeout_seconds=2)
    with program("worker", "metrics", settings=settings, log=tmp_path / "log") as worker, database.transaction():
        database.execute("lock table message_metrics in access exclusive mode")
        wait_for(lambda: count_blocked(database) == 1)
        worker.kill()
        worker.wait()
    with program("worker", "metrics", settings=settings, log=tmp_path / "log"):
        wait_for(lambda: not redis.exists(f"rq:job:{event_id}-metrics"), seconds=40)
    assert count(database, "message_metrics") == 5


def test_a_job_that_names_another_function_does_not_run(publish, redis, settings_of_programs, tmp_path):
    """Whoever writes to Redis cannot thereby run code: the job is a dead letter, its function was not called."""
    event_id = publish(EXAMPLE)
    proof = tmp_path / "proof"
    forged = StageJob.create("os.mkdir", args=(str(proof),), connection=redis, origin="metrics", id="forged-metrics")
    redis.hset(f"rq:job:{event_id}-metrics", "data", forged.to_dict()["data"])
    work_off("metrics", settings_of_programs, tmp_path / "log")
    assert not proof.exists()
    assert is_dead(redis, event_id, "metrics")


def test_unreadable_deliveries_are_kept_whole(publish_to_quarantine, redis, database, settings_of_programs, tmp_path):
    """What no stage can take lands in the table `quarantine`, byte for byte, once."""
    body = b'{"message": \x00\xff'
    event_id = publish_to_quarantine(body)
    work_off("quarantine", settings_of_programs, tmp_path / "log")
    publish_to_quarantine(body)
    work_off("quarantine", settings_of_programs, tmp_path / "log")
    rows = database.execute("select event_id, reason, body from quarantine").fetchall()
    assert [(event_id, "malformed_json", body)] == rows
    assert leftovers(redis) == []


@pytest.mark.parametrize("stage", STAGES)
def test_two_workers_of_a_stage_share_its_queue(stage, publish, redis, settings_of_programs, tmp_path):
    """Two workers of one stage drain one queue between them, and no job fails."""
    for number in range(20):
        publish(EXAMPLE.replace(b"WC-8201", b"WC-%04d" % number))
    with (
        program("worker", stage, settings=settings_of_programs, log=tmp_path / "one"),
        program("worker", stage, settings=settings_of_programs, log=tmp_path / "two"),
    ):
        wait_for(lambda: _count_done(tmp_path) == 20)
    assert not any(f"-{stage}" in key for key in leftovers(redis))


def _count_done(logs: Path) -> int:
    told = "".join((logs / name).read_text() for name in ("one", "two"))
    return sum(map(int, re.findall(r"stage\.done .*\bevents=(\d+)", told)))


def run_rq(*arguments: str, settings: Mapping[str, str]) -> str:
    """Run RQ's own command line and return what it prints."""
    command = [sys.executable, "-m", "rq.cli", arguments[0], "--url", settings["REDIS_URL"], *arguments[1:]]
    environment = {**settings, "RQ_REDIS_URL": settings["REDIS_URL"]}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def stopped(servers: EmbeddedServers, name: str) -> Iterator[None]:
    """Stop a server for the length of a block."""
    servers.stop(name)
    try:
        yield
    finally:
        servers.start(name)


def count_blocked(database: psycopg.Connection) -> int:
    """Count sessions that wait for a lock."""
    (number,) = database.execute("select count(*) from pg_locks where not granted").fetchone()
    return number


def worker_key(redis: Redis) -> str:
    """Name the key of the only worker."""
    (key,) = redis.smembers("rq:workers")
    return key.decode()
