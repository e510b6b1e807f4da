"""Replays: fresh attempts, each dead letter once, whoever interrupts or does the same; and a record of every run."""

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis

from earshot.cli import main
from shared.database import Database
from shared.dead_letters import DeadLetters
from shared.errors import DatabaseUnavailable
from shared.filters import DeadLetterFilter
from shared.replay_work import DeadLetterDiscard, DeadLetterReplay
from shared.replays import ReplayRecord, Run, carry_out, rehearse
from shared.settings import Settings
from tests.dead_letters import fail, fail_in_bulk, publish
from tests.integration.test_worker import count, leftovers, work_off
from tests.programs import program, wait_for

EXAMPLE = (Path(__file__).parent.parent / "data" / "conversation-update.json").read_bytes()


@pytest.fixture
def record(database_url: str):
    """The record of runs in the test's database."""
    database = Database(database_url, timeout_seconds=5)
    yield ReplayRecord(database)
    database.close()


@pytest.fixture
def earshot(redis: Redis, database_url: str) -> Callable[..., Result]:
    """Run `earshot` inside this process, on the test's servers."""
    path = redis.connection_pool.connection_kwargs["path"]
    settings = {"REDIS_URL": f"unix://{path}", "DATABASE_URL": database_url, "WEBHOOK_SECRETS": "one-secret"}
    return lambda *arguments, **more: CliRunner().invoke(main, arguments, env=settings, **more)


def replay_of(redis: Redis, **wanted: object) -> DeadLetterReplay:
    """Find what a replay would be about."""
    return DeadLetterReplay(DeadLetters(redis, Settings()), DeadLetterFilter(**wanted))


def run_through(work, record: ReplayRecord, is_stopped: Callable[[], bool] = lambda: False) -> Run:
    """Carry a replay out."""
    run = Run(work.matched)
    for _ in carry_out(work, record, run, "somebody@somewhere", is_stopped):
        pass
    return run


def test_a_replayed_job_is_as_it_was_published(redis, record):
    """It waits in its queue with all attempts, and nothing tells any more that it has failed."""
    event_id = publish(redis, EXAMPLE, "metrics", "transcripts")
    fresh = redis.hgetall(f"rq:job:{event_id}-metrics")
    fail(redis, event_id, "metrics")
    assert run_through(replay_of(redis), record).replayed == 1
    assert redis.lrange("rq:queue:metrics", 0, -1) == [f"{event_id}-metrics".encode()]
    now = redis.hgetall(f"rq:job:{event_id}-metrics")
    assert {name for name in fresh if fresh[name] != now.get(name)} <= {b"created_at", b"enqueued_at"}
    assert set(now) == set(fresh)
    assert not redis.exists("rq:failed:metrics", f"rq:results:{event_id}-metrics")


def test_after_the_cause_is_mended_a_replay_stores_the_event(
    publish_example, redis, database, settings_of_programs, earshot, tmp_path
):
    """The whole way: a stage fails, the cause is mended, `earshot replay` brings the rows, and nothing is left over."""
    database.execute("alter table message_metrics add constraint never check (false)")
    event_id = publish_example(job_attempts=1)
    work_off("metrics", settings_of_programs, tmp_path / "log")
    database.execute("alter table message_metrics drop constraint never")
    assert earshot("replay", "--event", event_id).output == "1 of 1 replayed\n"
    work_off("metrics", settings_of_programs, tmp_path / "log")
    assert count(database, "message_metrics") == 5
    assert leftovers(redis) == []


@pytest.fixture
def publish_example(redis):
    """Publish the documented example to the stage metrics."""
    return lambda job_attempts: publish(redis, EXAMPLE, "metrics", call_id="WC-8201", job_attempts=job_attempts)


def test_a_dry_run_says_what_then_happens(redis, earshot):
    """The count of a dry run is that of the replay that follows, and it changes nothing itself."""
    fail_in_bulk(redis, range(1000))
    before = redis.zrange("rq:failed:metrics", 0, -1)
    assert earshot("replay", "--error", "BadEvent", "--dry-run").output == "100 of 100 that match would be replayed\n"
    assert redis.zrange("rq:failed:metrics", 0, -1) == before
    assert earshot("replay", "--history").output == "Nothing was ever replayed or discarded.\n"
    assert earshot("replay", "--error", "BadEvent").output == "100 of 100 replayed\n"
    assert (redis.llen("rq:queue:metrics"), redis.zcard("rq:failed:metrics")) == (100, 900)


def test_two_replays_at_once_replay_each_dead_letter_once(redis, database_url):
    """Two people replaying everything at the same moment count each dead letter once between them."""
    fail_in_bulk(redis, range(3000))
    works = [replay_of(redis), replay_of(redis)]
    runs: list[Run] = []

    def replay(work: DeadLetterReplay) -> None:
        database = Database(database_url, timeout_seconds=5)
        runs.append(run_through(work, ReplayRecord(database)))
        database.close()

    threads = [threading.Thread(target=replay, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    waiting = redis.lrange("rq:queue:metrics", 0, -1)
    assert len(waiting) == len(set(waiting)) == 3000
    assert sum(run.replayed for run in runs) == 3000
    assert sum(run.replayed + run.skipped for run in runs) == 6000


def test_an_interrupted_replay_says_how_far_it_came_and_can_be_repeated(redis, record):
    """Stopped after two batches it has replayed those whole, and says so on record; the next run replays the rest."""
    fail_in_bulk(redis, range(1000))
    batches = iter([False, False, True])
    first = run_through(replay_of(redis), record, lambda: next(batches))
    assert (first.outcome, first.replayed, first.left) == ("interrupted", 600, 400)
    assert redis.llen("rq:queue:metrics") == 600
    second = run_through(replay_of(redis), record)
    assert (second.outcome, second.replayed) == ("done", 400)
    assert [(run.outcome, run.matched, run.replayed) for run in record.list(5)] == [
        ("done", 400, 400),
        ("interrupted", 1000, 600),
    ]


def test_ctrl_c_ends_a_replay_after_the_batch_at_hand(redis, database, settings_of_programs, tmp_path):
    """The command says how far it came and ends with status 1; queue, registry and record agree with what it says."""
    fail_in_bulk(redis, range(20_000))
    log = tmp_path / "log"
    with program("replay", "--all", settings=settings_of_programs, log=log) as replay:
        wait_for(lambda: count(database, "replays where replayed > 0") == 1)
        replay.send_signal(signal.SIGINT)
        assert replay.wait(timeout=20) == 1
    ((outcome, replayed),) = database.execute("select outcome, replayed from replays").fetchall()
    assert outcome == "interrupted"
    assert f"Interrupted: {replayed:,} of 20,000 replayed, {20_000 - replayed:,} not looked at" in log.read_text()
    assert redis.llen("rq:queue:metrics") == replayed == 20_000 - redis.zcard("rq:failed:metrics")


def test_what_fails_again_meanwhile_is_left_for_the_next_replay(redis, record):
    """A job that is replayed and fails at once does not keep the replay going for ever."""
    event_ids = [publish(redis, EXAMPLE + b" " * number, "metrics") for number in range(3)]
    for event_id in event_ids:
        fail(redis, event_id, "metrics")
    work = replay_of(redis)
    run = Run(work.matched)
    work.batches = lambda: ([letter] for letter in work._letters)
    for _ in carry_out(work, record, run, "somebody", lambda: False):
        for job_id in redis.lrange("rq:queue:metrics", 0, -1):
            fail(redis, job_id.decode().removesuffix("-metrics"), "metrics")
    assert (run.replayed, run.outcome) == (3, "done")
    assert replay_of(redis).matched == 3


def test_what_is_finished_meanwhile_is_skipped(redis, record):
    """Where a worker thought dead has finished the stage after all, there is nothing to replay, and no new job."""
    event_id = publish(redis, EXAMPLE, "metrics", "transcripts")
    fail(redis, event_id, "metrics")
    work = replay_of(redis)
    redis.hdel(f"earshot:event:{event_id}", "stage:metrics")
    run = run_through(work, record)
    assert (run.replayed, run.skipped) == (0, 1)
    assert redis.llen("rq:queue:metrics") == 0


def test_a_run_is_on_record_from_its_beginning(redis, record):
    """Before anything is replayed the row is there; a run that is killed leaves it as running, with its count."""
    fail_in_bulk(redis, range(700))
    work = replay_of(redis, stage="metrics", error="CheckViolation")
    run = Run(work.matched)
    progress = carry_out(work, record, run, "ann@ops", lambda: False)
    next(progress)
    (seen,) = record.list(5)
    assert (seen.who, seen.action, seen.source, seen.outcome) == ("ann@ops", "replay", "dead_letters", "running")
    assert seen.filter == {"stage": "metrics", "error": "CheckViolation"}
    assert (seen.matched, seen.replayed, seen.finished_at) == (630, 300, None)
    progress.close()
    assert record.list(5)[0].outcome == "failed"


def test_without_postgresql_nothing_is_replayed(redis):
    """A replay that cannot be put on record does not begin."""
    fail_in_bulk(redis, range(3))
    record = ReplayRecord(Database("postgresql://nobody@/nowhere?host=/nowhere", timeout_seconds=1))
    with pytest.raises(DatabaseUnavailable):
        run_through(replay_of(redis), record)
    assert redis.zcard("rq:failed:metrics") == 3


def test_the_command_says_so_when_postgresql_is_away(redis, database_url, earshot):
    """It ends with status 1 and a message that names the server, and leaves the dead letters."""
    fail_in_bulk(redis, range(3))
    away = {"DATABASE_URL": "postgresql://nobody@/nowhere?host=/nowhere"}
    path = redis.connection_pool.connection_kwargs["path"]
    shown = CliRunner().invoke(main, ["replay", "--all"], env={**away, "REDIS_URL": f"unix://{path}"})
    assert shown.exit_code == 1
    assert "PostgreSQL cannot be asked" in shown.output
    assert redis.zcard("rq:failed:metrics") == 3


def test_a_fault_in_the_middle_is_on_record(redis, record, monkeypatch):
    """Redis going away between two batches ends the run as failed, with what was replayed till then."""
    fail_in_bulk(redis, range(700))
    work = replay_of(redis)
    replay = work._dead_letters.replay
    monkeypatch.setattr(work._dead_letters, "replay", lambda batch: replay(batch) if len(batch) == 300 else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_through(work, record)
    (seen,) = record.list(5)
    assert (seen.outcome, seen.replayed, seen.finished_at is None) == ("failed", 600, False)


def test_discarding_ends_the_stage_and_the_event_with_its_last(redis, record):
    """A discarded dead letter is gone as if its stage were done; the event's other stages stay as they are."""
    event_id = publish(redis, EXAMPLE, "metrics", "transcripts")
    fail(redis, event_id, "metrics")
    work = DeadLetterDiscard(DeadLetters(redis, Settings()), DeadLetterFilter(stage="metrics"))
    assert run_through(work, record).replayed == 1
    assert redis.hmget(f"earshot:event:{event_id}", "left", "stage:metrics") == [b"1", None]
    fail(redis, event_id, "transcripts")
    work = DeadLetterDiscard(DeadLetters(redis, Settings()), DeadLetterFilter())
    assert rehearse(work) == run_through(work, record).replayed == 1
    assert leftovers(redis) == []


def test_discarding_asks_first(redis, earshot):
    """Without a yes nothing is discarded."""
    fail_in_bulk(redis, range(3))
    assert earshot("replay", "--all", "--discard", input="n\n").exit_code == 1
    assert redis.zcard("rq:failed:metrics") == 3
    assert earshot("replay", "--all", "--discard", "--yes").output == "3 of 3 discarded\n"
    assert redis.keys("earshot:event:*") == []


def test_the_history_tells_who_did_what(redis, earshot):
    """`--history` lists the runs with their filter, counts and outcome."""
    fail_in_bulk(redis, range(30))
    earshot("replay", "--call", "WC-1")
    shown = earshot("replay", "--history").output
    assert '{"call_id": "WC-1"}' in shown
    assert shown.split()[-4:] == ["10", "10", "0", "done"]


def keep(database, event_id: str, reason: str, body: bytes) -> None:
    """Put a delivery into quarantine."""
    database.execute("insert into quarantine values (%s, '2026-03-05T09:21:20Z', %s, %s)", (event_id, reason, body))


def test_quarantine_replays_what_can_be_routed_by_now(redis, database, earshot):
    """What a fix has made routable is published under its id and time, and taken out; the rest stays."""
    keep(database, "a" * 32, "unknown_type", EXAMPLE)
    keep(database, "b" * 32, "malformed_json", b'{"message": ')
    told = "1 of 2 that match would be replayed; 1 cannot be routed\n"
    assert earshot("replay", "--quarantine", "--all", "--dry-run").output == told
    assert count(database, "quarantine") == 2
    shown = earshot("replay", "--quarantine", "--all")
    assert shown.output == "1 of 2 replayed, 1 still in quarantine\n"
    assert database.execute("select event_id from quarantine").fetchall() == [("b" * 32,)]
    published = redis.hgetall("earshot:event:" + "a" * 32)
    assert (published[b"received_at"], published[b"event_type"]) == (b"1772702480000", b"conversation-update")
    assert redis.lrange("rq:queue:metrics", 0, -1) == [b"a" * 32 + b"-metrics"]
    assert b"stage:quarantine" not in published


def test_a_delivery_that_is_on_its_way_into_quarantine_again_stays_there(redis, database, earshot):
    """Where the same delivery waits for the stage quarantine, the row is not taken out for it."""
    keep(database, "a" * 32, "unknown_type", EXAMPLE)
    redis.hset("earshot:event:" + "a" * 32, mapping={"stage:quarantine": "", "left": 1})
    assert earshot("replay", "--quarantine", "--all").output == "0 of 1 replayed, 1 still in quarantine\n"
    assert count(database, "quarantine") == 1


def test_quarantine_can_be_discarded_by_reason(redis, database, earshot):
    """What is worth nothing is deleted, by its reason, after a yes."""
    keep(database, "a" * 32, "unknown_type", EXAMPLE)
    keep(database, "b" * 32, "malformed_json", b"{")
    shown = earshot("replay", "--quarantine", "--reason", "malformed_json", "--discard", "--yes")
    assert shown.output == "1 of 1 discarded\n"
    assert database.execute("select event_id from quarantine").fetchall() == [("a" * 32,)]
    rows = database.execute("select action, source, filter, replayed from replays").fetchall()
    assert rows == [("discard", "quarantine", json.loads('{"reason": "malformed_json"}'), 1)]


def test_no_output_has_a_word_of_a_body(redis, database, earshot):
    """Neither the commands' output nor the record holds what was said in the call."""
    keep(database, "a" * 32, "unknown_type", EXAMPLE)
    fail(redis, publish(redis, EXAMPLE, "metrics"), "metrics")
    commands = (["replay", "--quarantine", "--all"], ["replay", "--all"], ["replay", "--history"], ["failed"])
    told = "".join(earshot(*command).output for command in commands)
    told += repr(database.execute("select * from replays").fetchall())
    assert "1 of 1 replayed" in told
    assert "next week" not in told
