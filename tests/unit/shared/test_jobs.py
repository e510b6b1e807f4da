"""The job class: what it runs, when it tries again."""

import pytest
from fakeredis import FakeRedis
from rq import Queue
from rq.serializers import JSONSerializer, PickleSerializer

from shared.errors import BadEvent, DatabaseUnavailable, ForbiddenTask
from shared.jobs import LONGEST_PAUSE_SECONDS, LivingExecutions, StageJob
from shared.stages import TASK_NAMES, task_name


@pytest.fixture
def redis() -> FakeRedis:
    """An empty Redis inside this process."""
    return FakeRedis()


def job(redis: FakeRedis, function: str = "workers.tasks.metrics", **changed: object) -> StageJob:
    """Make a job of stage metrics."""
    made = StageJob.create(function, args=("e1",), connection=redis, origin="metrics", id="e1-metrics")
    made.meta = {"attempts": 4}
    made.retries_left = 4
    for name, value in changed.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize("function", ["os.system", "builtins.eval", "workers.tasks.database", "shared.jobs.StageJob"])
def test_only_stage_functions_run(redis, function):
    """A job that names anything but a stage function does not get it."""
    with pytest.raises(ForbiddenTask):
        _ = job(redis, function).func


def test_every_stage_function_exists(redis):
    """Each name on the frozen list can be imported."""
    assert all(callable(job(redis, name).func) for name in TASK_NAMES)


def test_a_job_never_unpickles(redis):
    """Whatever serializer a caller asks for, a stage job reads JSON."""
    assert StageJob(connection=redis, serializer=PickleSerializer).serializer is JSONSerializer


def test_callbacks_and_instances_written_by_others_are_ignored(redis):
    """Neither a callback nor an instance put into the stored job has any effect."""
    forged = job(redis, _success_callback_name="os.getcwd", _failure_callback_name="os.getcwd")
    assert (forged.success_callback, forged.failure_callback) == (None, None)
    with pytest.raises(ForbiddenTask):
        _ = job(redis, _instance="text").func


def test_a_bad_event_is_not_tried_again(redis):
    """Never retry means never, with attempts left."""
    assert not job(redis, failure=BadEvent("unreadable")).should_retry


def test_an_outage_costs_no_attempt(redis):
    """A job that met an unreachable server is scheduled again with as many attempts as before."""
    waiting = job(redis, failure=DatabaseUnavailable("gone"), retries_left=0)
    assert waiting.should_retry
    with redis.pipeline() as pipeline:
        waiting.retry(Queue("metrics", connection=redis, serializer=JSONSerializer), pipeline)
        pipeline.execute()
    assert waiting.retries_left == 0
    assert redis.zcard("rq:scheduled:metrics") == 1


def test_other_failures_are_tried_until_no_attempt_is_left(redis):
    """Any other exception is retried as long as there are attempts."""
    assert job(redis, failure=KeyError()).should_retry
    assert not job(redis, failure=KeyError(), retries_left=0).should_retry


def test_the_pause_doubles_with_each_attempt_up_to_a_limit(redis):
    """Pauses grow as 2, 4, 8, ... seconds, each spread by half, and stop growing at the longest."""
    pauses = [job(redis, meta={"attempts": 20}, retries_left=20 - done).get_retry_interval() for done in range(20)]
    for done, pause in enumerate(pauses):
        middle = min(2 * 2**done, LONGEST_PAUSE_SECONDS)
        assert max(1, middle * 0.5 - 1) <= pause <= middle * 1.5 + 1


def test_pauses_are_spread(redis):
    """Jobs that failed together do not come back together."""
    assert len({job(redis, retries_left=0).get_retry_interval() for _ in range(50)}) > 1


def test_an_execution_without_a_record_is_passed_over(redis):
    """The execution of a killed worker, whose record has expired, does not trouble the job's next run."""
    redis.zadd("rq:executions:e1-metrics", {"lost": 99_999_999_999})
    assert LivingExecutions("e1-metrics", connection=redis).get_executions() == []


def test_task_names_follow_the_stages():
    """A stage's function is found under the stage's name."""
    assert task_name("metrics") == "workers.tasks.metrics"
