"""What workers announce once their rows are committed, and that nobody who listens can harm them."""

from collections.abc import Callable, Iterator

import psutil
import pytest
from redis import Redis

from shared.announcements import CHANNEL, LONGEST_BYTES, Announcement, read_announcement
from tests.calls import assistant, conversation_update, status_update, user, welcome
from tests.consoles import running_console
from tests.integration.test_worker import count, run_rq, work_off
from tests.programs import wait_for

CALL, OTHER = "WC-1", "WC-2"
HISTORY = [welcome(), user(1), assistant(1), user(2)]


def listeners(redis: Redis) -> int:
    """Count who listens."""
    return redis.pubsub_numsub(CHANNEL)[0][1]


@pytest.fixture
def heard(redis: Redis) -> Iterator[Callable[[], list[Announcement]]]:
    """Listen; gives what was announced so far."""
    with redis.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe(CHANNEL)
        wait_for(lambda: listeners(redis))
        found: list[Announcement] = []

        def listen() -> list[Announcement]:
            while (message := subscription.get_message()) is not None:
                found.append(read_announcement(message["data"]))
            return found

        subscription.get_message(timeout=1)
        yield listen


def test_a_batch_is_announced_once(heard, publish, settings_of_programs, tmp_path):
    """With the calls that had rows written, and not those of which everything was known."""
    publish(conversation_update(HISTORY, call_id=CALL).body)
    publish(conversation_update(HISTORY, call_id=OTHER).body)
    work_off("transcripts", settings_of_programs, tmp_path / "log")
    wait_for(heard)
    publish(conversation_update(HISTORY, call_id=CALL, more=1).body)
    work_off("transcripts", settings_of_programs, tmp_path / "log")
    assert heard() == [Announcement(frozenset({CALL, OTHER}))]


def test_a_job_that_runs_alone_is_announced(heard, publish, redis, settings_of_programs, tmp_path):
    """It has failed before, so it takes RQ's ordinary path."""
    event_id = publish(conversation_update(HISTORY, call_id=CALL).body)
    redis.hincrby(f"rq:job:{event_id}-metrics", "retries_left", -1)
    work_off("metrics", settings_of_programs, tmp_path / "log")
    wait_for(lambda: heard() == [Announcement(frozenset({CALL}))])


def test_a_stock_worker_announces(heard, publish, settings_of_programs):
    """RQ's own worker runs the same functions."""
    publish(status_update("ongoing", call_id=CALL).body)
    run_rq(
        *("worker", "--burst", "--serializer", "json", "--job-class", "shared.jobs.StageJob", "lifecycle"),
        settings=settings_of_programs,
    )
    wait_for(lambda: heard() == [Announcement(frozenset({CALL}))])


def test_quarantine_is_not_announced(heard, publish_to_quarantine, settings_of_programs, tmp_path):
    """It belongs to no call."""
    publish_to_quarantine(b"no event")
    work_off("quarantine", settings_of_programs, tmp_path / "log")
    assert heard() == []


def test_workers_do_not_notice_a_console_that_hangs(
    publish, redis, database, servers, database_url, settings_of_programs, tmp_path
):
    """It is stopped while it listens: jobs are done, and Redis lets go of it rather than keep what it does not take."""
    with running_console(servers, database_url, tmp_path / "console.log") as console:
        wait_for(lambda: listeners(redis))
        processes = [psutil.Process(console.process.pid), *psutil.Process(console.process.pid).children()]
        for process in processes:
            process.suspend()
        publish(conversation_update(HISTORY, call_id=CALL).body)
        work_off("transcripts", settings_of_programs, tmp_path / "log")
        assert count(database, "messages") == len(HISTORY)
        for _ in range(4000):
            redis.publish(CHANNEL, b"x" * LONGEST_BYTES)
        wait_for(lambda: listeners(redis) == 0)
        for process in processes:
            process.resume()
        wait_for(lambda: listeners(redis))


def test_a_redis_that_forbids_announcements_harms_no_job(publish, redis, database, settings_of_programs, tmp_path):
    """The hint is let go; both paths finish their jobs."""
    redis.execute_command("ACL", "SETUSER", "default", "resetchannels", "&rq:*")
    try:
        publish(conversation_update(HISTORY, call_id=CALL).body)
        alone = publish(conversation_update(HISTORY, call_id=OTHER).body)
        redis.hincrby(f"rq:job:{alone}-transcripts", "retries_left", -1)
        work_off("transcripts", {**settings_of_programs, "LOG_LEVEL": "DEBUG"}, tmp_path / "log")
    finally:
        redis.execute_command("ACL", "SETUSER", "default", "allchannels")
    assert count(database, "messages") == 2 * len(HISTORY)
    assert (tmp_path / "log").read_text().count("stage.unannounced calls=1 reason=NoPermissionError") == 2
