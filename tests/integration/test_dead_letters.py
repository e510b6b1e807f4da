"""Dead letters: found, counted and listed as they are, in few round trips, and without a word of their bodies."""

import json
import time
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from earshot.cli import main
from shared.dead_letters import DeadLetters
from shared.filters import DeadLetterFilter
from shared.jobs import StageJob
from shared.settings import Settings
from tests.dead_letters import NEWEST, fail, fail_in_bulk, publish
from tests.integration.test_worker import run_rq, work_off

BODY = b'{"message": {"type": "conversation-update", "text": "private words"}}'


def survey(redis: Redis, limit: int = 50, **wanted: object):
    """Look for dead letters."""
    return DeadLetters(redis, Settings()).survey(DeadLetterFilter(**wanted), limit)


def queue(redis: Redis, stage: str = "metrics") -> Queue:
    """Give the queue of a stage as RQ sees it."""
    return Queue(stage, connection=redis, job_class=StageJob, serializer=JSONSerializer)


def earshot(redis: Redis, *arguments: str) -> Result:
    """Run `earshot failed` inside this process."""
    path = redis.connection_pool.connection_kwargs["path"]
    return CliRunner().invoke(main, ["failed", *arguments], env={"REDIS_URL": f"unix://{path}", "DATABASE_URL": ""})


def test_among_20000_the_right_ones_are_found_in_few_round_trips(redis):
    """A listing of 20,000 is complete by every filter, newest first, and asks Redis a dozen times."""
    fail_in_bulk(redis, range(20_000))
    redis.config_resetstat()
    everything = survey(redis, limit=3)
    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] <= 20
    assert everything.counts == {("metrics", "CheckViolation"): 18_000, ("metrics", "BadEvent"): 2_000}
    assert [letter.event_id for letter in everything.letters] == [f"{number:032x}" for number in range(3)]

    late = survey(
        redis, error="BadEvent", since=NEWEST - timedelta(seconds=12_000), until=NEWEST - timedelta(seconds=11_000)
    )
    assert late.total == 101
    assert late.letters[0].event_id == f"{11_000:032x}"
    assert [letter.event_id for letter in survey(redis, call_id="WC-1999").letters] == [
        f"{number:032x}" for number in range(19_990, 20_000)
    ]
    assert survey(redis, event_id=f"{777:032x}").total == 1
    assert survey(redis, stage="transcripts").total == 0


def test_jobs_that_failed_in_the_same_moment_are_each_told_once(redis):
    """More than a page of jobs with one and the same time are all there, each once, and in every order of looking."""
    fail_in_bulk(redis, range(4_500))
    redis.zadd("rq:failed:metrics", dict.fromkeys(redis.zrange("rq:failed:metrics", 0, -1), 11_000_000_000))
    found = DeadLetters(redis, Settings()).matching(DeadLetterFilter())
    assert len({letter.event_id for letter in found}) == len(found) == 4_500


def test_a_failed_job_tells_its_reason_attempts_and_time(redis):
    """What a worker leaves of a failed job is told: class, place, attempts spent, time, type and call."""
    before = time.time()
    event_id = publish(redis, BODY, "metrics", "transcripts")
    fail(redis, event_id, "metrics")
    (letter,) = survey(redis).letters
    assert (letter.stage, letter.event_id, letter.attempts) == ("metrics", event_id, 5)
    assert (letter.error, letter.reason) == ("CheckViolation", "StageFailed: CheckViolation (23514) at x:1")
    assert (letter.event_type, letter.call_id, letter.size) == ("conversation-update", "WC-1", len(BODY))
    assert before <= letter.failed_at.timestamp() <= time.time()
    assert survey(redis, error="StageFailed").total == 1


def test_a_dead_letter_is_out_of_reach_of_rqs_sweeps(redis):
    """RQ's own clean-up leaves dead letters alone, and neither job, record nor result expires."""
    event_id = publish(redis, BODY, "metrics")
    fail(redis, event_id, "metrics")
    queue(redis).failed_job_registry.cleanup()
    assert survey(redis).total == 1
    assert [redis.ttl(key) for key in redis.keys("*")] == [-1] * len(redis.keys("*"))


def test_an_abandoned_job_is_told(redis):
    """A job whose worker died with the last attempt is a dead letter like the others."""
    event_id = publish(redis, BODY, "metrics", job_attempts=1)
    redis.delete("rq:queue:metrics")
    redis.zadd("rq:wip:metrics", {f"{event_id}-metrics:run": 1})
    queue(redis).started_job_registry.cleanup()
    (letter,) = survey(redis, error="AbandonedJobError").letters
    assert letter.event_id == event_id
    assert letter.reason == "AbandonedJobError: the worker ended while it had the job"


def test_what_rqs_own_worker_failed_at_is_told(redis, settings_of_programs):
    """A job that failed under a stock `rq worker` has its reason and time too."""
    event_id = publish(redis, b"no JSON", "metrics")
    run_rq(
        *("worker", "--burst", "--serializer", "json", "--job-class", "shared.jobs.StageJob", "metrics"),
        settings=settings_of_programs,
    )
    (letter,) = survey(redis, error="BadEvent").letters
    assert (letter.event_id, letter.attempts) == (event_id, 1)
    assert letter.reason == "BadEvent: the stored body is no event"


def test_our_worker_leaves_the_same(redis, settings_of_programs, tmp_path):
    """A job that failed under a worker of ours has its reason, attempts and time."""
    event_id = publish(redis, b"no JSON", "metrics")
    work_off("metrics", settings_of_programs, tmp_path / "log")
    (letter,) = survey(redis, error="BadEvent", since=NEWEST - timedelta(days=10_000)).letters
    assert (letter.event_id, letter.attempts) == (event_id, 1)


def test_a_job_that_failed_without_our_job_class_is_told_last(redis):
    """What somebody else's worker put on the list has no time and no reason, and is listed all the same."""
    strange, known = publish(redis, BODY, "metrics"), publish(redis, BODY + b" ", "metrics")
    fail(redis, known, "metrics")
    redis.zadd("rq:failed:metrics", {f"{strange}-metrics": -1})
    assert [letter.event_id for letter in survey(redis).letters] == [known, strange]
    assert survey(redis, error="unknown").total == 1
    assert survey(redis, since=NEWEST - timedelta(days=10_000)).total == 1


def test_an_entry_whose_event_is_done_is_no_dead_letter(redis):
    """Where the stage was finished after all, by a worker that was thought dead, nothing is left to replay."""
    event_id = publish(redis, BODY, "metrics", "transcripts")
    fail(redis, event_id, "metrics")
    redis.hdel(f"earshot:event:{event_id}", "stage:metrics")
    assert survey(redis).total == 0


def test_the_listing_shows_what_there_is_and_no_body(redis):
    """The table has the total, the counts, reason and ids; the body's words come only when asked for."""
    event_id = publish(redis, BODY, "metrics")
    fail(redis, event_id, "metrics")
    shown = earshot(redis).output
    for text in ("1 dead letter", "CheckViolation", "StageFailed: CheckViolation (23514) at x:1", "WC-1", event_id):
        assert text in shown
    as_json = earshot(redis, "--json").output
    assert json.loads(as_json)["dead_letters"][0]["event_id"] == event_id
    assert "private words" not in shown + as_json
    assert earshot(redis, "--event", event_id, "--body").stdout_bytes == BODY


def test_a_spoilt_body_is_said_to_be_spoilt(redis):
    """Where the record itself is broken, the command says so, with status 1."""
    event_id = publish(redis, BODY, "metrics")
    fail(redis, event_id, "metrics")
    redis.hset(f"earshot:event:{event_id}", "body", b"spoilt")
    shown = earshot(redis, "--event", event_id, "--body")
    assert shown.exit_code == 1
    assert "The body cannot be read" in shown.output


def test_nothing_dead_is_said_in_words(redis):
    """An empty listing says that it is empty, and ends well."""
    shown = earshot(redis, "--stage", "metrics")
    assert (shown.exit_code, shown.output) == (0, "No dead letters, or none that match.\n")


def test_ids_from_outside_cannot_move_the_cursor(redis):
    """A call id with an escape sequence is shown without it."""
    event_id = publish(redis, BODY, "metrics", call_id="\x1b[31mWC\n[bold]")
    fail(redis, event_id, "metrics")
    shown = earshot(redis).output
    assert "\x1b" not in shown
    assert "?[31mWC?[bold]" in shown


@pytest.mark.parametrize("reason", ["unknown_type", None])
def test_quarantine_is_listed_by_reason(reason, redis, database, database_url):
    """`--quarantine` tells of the rows of the table, their reason and size, and not of their contents."""
    database.execute("insert into quarantine values ('e1', now(), 'unknown_type', 'private words')")
    chosen = ["--reason", reason] if reason else []
    shown = CliRunner().invoke(main, ["failed", "--quarantine", *chosen], env={"DATABASE_URL": database_url}).output
    assert "1 in quarantine" in shown
    assert "unknown_type" in shown
    assert "private words" not in shown
