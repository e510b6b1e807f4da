"""One event's story: what waits of it, what is stored of it, and what was never seen."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis

from earshot.cli import main
from ingest.spool import Spool
from shared.database import Database
from shared.event_stories import Stories, Story, UnclearEvent
from shared.publisher import IncomingEvent
from shared.settings import Settings
from tests.calls import conversation_update, user, welcome
from tests.dead_letters import RECEIVED_AT_MS, fail, publish
from tests.integration.test_batches import batch_queue
from workers import tasks

BODY = b'{"message": {"type": "conversation-update", "text": "private words"}}'


@pytest.fixture
def stories(redis: Redis, database_url: str):
    """What tells stories of the test's servers."""
    database = Database(database_url, timeout_seconds=5)
    yield Stories(redis, database.transaction)
    database.close()


@pytest.fixture
def run_stage(database_url: str):
    """Run stages inside this process, on the test's database."""
    database = tasks.open_database(Settings(database_url=database_url))
    yield tasks.run_stage
    database.close()
    tasks._databases.clear()


@pytest.fixture
def earshot(redis: Redis, database_url: str, tmp_path: Path) -> Callable[..., Result]:
    """Run `earshot event` inside this process, on the test's servers."""
    path = redis.connection_pool.connection_kwargs["path"]
    settings = {"REDIS_URL": f"unix://{path}", "DATABASE_URL": database_url, "SPOOL_DIR": str(tmp_path / "spool")}
    return lambda *arguments, **more: CliRunner().invoke(main, ["event", *arguments], env={**settings, **more})


def only_story(stories: Stories, event_id: str) -> Story:
    """Tell of an event that is known."""
    (story,) = stories.of_event(event_id).stories
    return story


def test_a_waiting_event_tells_of_each_stage(redis, stories):
    """Of five stages one waits, one is at work, one waits for its next attempt, one is dead and one has no job."""
    stages = ("transcripts", "metrics", "interruptions", "lifecycle", "quarantine")
    event_id = publish(redis, BODY, *stages)
    batch_queue(redis, "metrics").take(1, 10**9, lease_seconds=60)
    redis.zadd("rq:scheduled:interruptions", {f"{event_id}-interruptions": 1_900_000_000})
    redis.hset(f"rq:job:{event_id}-interruptions", mapping={"status": "scheduled", "retries_left": 1})
    fail(redis, event_id, "lifecycle")
    redis.delete(f"rq:job:{event_id}-quarantine")
    story = only_story(stories, event_id)
    told = {stage.stage: (stage.state, stage.attempts, stage.attempts_left) for stage in story.pending}
    assert told == {
        "transcripts": ("waiting", 0, 5),
        "metrics": ("at work", 0, 5),
        "interruptions": ("retry", 3, 2),
        "lifecycle": ("dead letter", 5, 0),
        "quarantine": ("no job", 0, 0),
    }
    due, dead = (next(one for one in story.pending if one.stage == name) for name in ("interruptions", "lifecycle"))
    assert due.since.timestamp() == 1_900_000_000
    assert "CheckViolation" in dead.reason
    assert (story.call_id, story.size, story.is_snapshot) == ("WC-1", len(BODY), False)


def test_a_stored_event_tells_what_came_of_it(stories, run_stage):
    """An event has written rows, an older one that came later nothing new; the richer one is the call's snapshot."""
    newer, older = conversation_update([welcome(), user(1)]), conversation_update([welcome()])
    for event in (newer, older):
        run_stage("transcripts", [event])
    stored = only_story(stories, newer.event_id)
    assert [(stage.stage, stage.written > 0) for stage in stored.stored] == [("transcripts", True)]
    assert (stored.is_snapshot, stored.event_type, stored.call_id) == (True, "conversation-update", newer.call_id)
    outrun = only_story(stories, older.event_id)
    assert ([stage.written for stage in outrun.stored], outrun.is_snapshot) == ([0], False)


def test_a_delivery_in_quarantine_tells_why(stories, database):
    """The reason is told, the contents are not."""
    database.execute("insert into quarantine values (%s, now(), 'unknown_type', 'private words')", ("a" * 32,))
    story = only_story(stories, "a" * 32)
    assert (story.quarantine_reason, story.size) == ("unknown_type", 13)


def test_the_beginning_of_an_id_is_enough_where_it_is_one_events(redis, stories, database):
    """Eight characters find an event wherever it is; several events of that beginning are not guessed between."""
    event_id = publish(redis, BODY, "metrics")
    assert only_story(stories, event_id[:8]).event_id == event_id
    for end in ("1", "2"):
        database.execute("insert into quarantine values (%s, now(), 'r', '')", (f"abcdef01{end}".ljust(32, "0"),))
    with pytest.raises(UnclearEvent, match="several"):
        stories.of_event("abcdef01")
    assert only_story(stories, "abcdef011").event_id.startswith("abcdef011")
    with pytest.raises(UnclearEvent, match="8"):
        stories.of_event("abcdef0")


def test_a_calls_events_are_told_newest_first(redis, stories, run_stage):
    """Stored and waiting events of a call come together, each once, and no other call's."""
    event = conversation_update([welcome()])
    run_stage("transcripts", [event])
    waiting = publish(redis, BODY, "metrics", call_id=event.call_id)
    publish(redis, BODY + b" ", "metrics", call_id="another")
    redis.hset(f"earshot:event:{waiting}", "received_at", RECEIVED_AT_MS + 10**6)
    told = stories.of_call(event.call_id, limit=5).stories
    assert [story.event_id for story in told] == [waiting, event.event_id]
    assert [story.event_id for story in stories.of_call(event.call_id, limit=1).stories] == [waiting]


def test_the_command_tells_it_in_words(redis, earshot):
    """The text has the stage, what it waits for, and the attempts; no word of the body."""
    event_id = publish(redis, BODY, "metrics", "transcripts")
    fail(redis, event_id, "metrics")
    shown = earshot(event_id)
    assert shown.exit_code == 0
    assert "metrics: dead letter since" in shown.output
    assert "5 attempts failed: StageFailed: CheckViolation (23514) at x:1" in shown.output
    assert "transcripts: waiting since" in shown.output
    assert "private words" not in shown.output


def test_a_pausing_job_tells_why_its_last_attempt_failed(redis, earshot):
    """The reason is there before the job is dead."""
    event_id = publish(redis, BODY, "metrics")
    redis.lrem("rq:queue:metrics", 1, f"{event_id}-metrics")
    redis.zadd("rq:scheduled:metrics", {f"{event_id}-metrics": 1_900_000_000})
    reason = "StageFailed: CheckViolation (23514) at x:1"
    redis.hset(f"rq:job:{event_id}-metrics", mapping={"status": "scheduled", "retries_left": 3, "reason": reason})
    assert f"4 left, 1 attempt failed: {reason}" in earshot(event_id).output


def test_an_unknown_event_is_said_to_be_unknown(earshot):
    """Status 1, and what it may mean."""
    shown = earshot("f" * 32)
    assert shown.exit_code == 1
    assert "Nothing is known of this event" in shown.output
    assert "more than 14 days ago (RECEIPT_DAYS)" in shown.output
    assert earshot("--call", "nobody").exit_code == 1


def test_with_postgresql_away_redis_is_asked_all_the_same(redis, earshot):
    """What waits in Redis is told, and that PostgreSQL could not be asked."""
    event_id = publish(redis, BODY, "metrics")
    shown = earshot(event_id, DATABASE_URL="postgresql://nobody@/nowhere?host=/nowhere")
    assert shown.exit_code == 0
    assert "metrics: waiting since" in shown.stdout
    assert "PostgreSQL could not be asked" in shown.stderr


def test_an_event_in_this_machines_spool_is_found(earshot, tmp_path):
    """What waits on the disk is told, by its id and by its call, and stays there."""
    spool = Spool(tmp_path / "spool", 10**9)
    spool.add(IncomingEvent("c" * 32, RECEIVED_AT_MS, ("metrics",), BODY, "conversation-update", "WC-7"))
    for arguments in (["cccccccc"], ["--call", "WC-7"]):
        shown = earshot(*arguments)
        assert shown.exit_code == 0, shown.output
        assert "in the spool of this machine: waits until Redis takes it; for metrics" in shown.output
    assert spool.depth().events == 1
