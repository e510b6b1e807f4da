"""Publishing: one script writes the record and the jobs, in the form that RQ itself would write."""

import pytest
from fakeredis import FakeRedis
from rq import Queue
from rq.job import Retry
from rq.serializers import JSONSerializer

from shared.errors import QueueUnavailable
from shared.event_records import finish_stage, load_event, record_key
from shared.jobs import DROP, KEEP, StageJob
from shared.publisher import IncomingEvent, Publisher, event_id_of
from shared.redis_client import connect_redis
from shared.settings import Settings

BODY = b'{"message": {"text": "a secret of the caller"}}'
TIMES = {b"created_at", b"enqueued_at"}


@pytest.fixture
def redis() -> FakeRedis:
    """An empty Redis inside this process."""
    return FakeRedis()


def event(*stages: str, body: bytes = BODY) -> IncomingEvent:
    """Make an event on its way to some stages."""
    return IncomingEvent(event_id_of(body), 1_700_000_000_000, stages, body, "conversation-update", "call-1")


def test_an_event_is_read_back_as_it_came(redis):
    """What a worker loads is what was published."""
    incoming = event("metrics")
    Publisher(redis, Settings()).publish(incoming)
    stored = load_event(redis, incoming.event_id)
    assert (incoming.event_id, "conversation-update", "call-1", 1_700_000_000_000, BODY, "") == (
        *(stored.event_id, stored.event_type, stored.call_id, stored.received_at_ms, stored.body, stored.reason),
    )


def test_the_same_body_is_a_duplicate_while_it_is_pending(redis):
    """A second delivery of a pending event changes nothing; once it is done the same body is a new event."""
    publisher = Publisher(redis, Settings())
    assert [publisher.publish(event("metrics")) for _ in range(2)] == ["queued", "duplicate"]
    assert redis.llen("rq:queue:metrics") == 1
    finish_stage(redis, event().event_id, "metrics")
    assert publisher.publish(event("metrics")) == "queued"


def test_the_record_goes_with_its_last_stage(redis):
    """The body stays until every stage is done, however often each of them says so."""
    Publisher(redis, Settings()).publish(event("metrics", "transcripts"))
    for _ in range(3):
        finish_stage(redis, event().event_id, "metrics")
    assert redis.exists(record_key(event().event_id))
    finish_stage(redis, event().event_id, "transcripts")
    assert not redis.exists(record_key(event().event_id))


def test_a_job_is_stored_as_rq_stores_it(redis):
    """Field by field, times apart, a published job is what the installed RQ writes for the same job."""
    settings = Settings()
    incoming = event("metrics")
    Publisher(redis, settings).publish(incoming)
    job_id = f"{incoming.event_id}-metrics"
    ours = redis.hgetall(f"rq:job:{job_id}")

    other = FakeRedis()
    queue = Queue("metrics", connection=other, job_class=StageJob, serializer=JSONSerializer)
    queue.enqueue_call(
        "workers.tasks.metrics",
        args=(incoming.event_id,),
        job_id=job_id,
        description=job_id,
        timeout=settings.job_timeout_seconds,
        result_ttl=DROP,
        failure_ttl=KEEP,
        retry=Retry(max=settings.job_attempts - 1),
        meta={"attempts": settings.job_attempts - 1},
    )
    theirs = other.hgetall(f"rq:job:{job_id}")
    assert theirs.keys() == ours.keys()
    unequal = {name for name in theirs if ours[name] != theirs[name]} - TIMES
    # RQ compresses `data`; what it holds is compared next.
    assert unequal <= {b"data"}
    assert StageJob.fetch(job_id, connection=other).data == StageJob.fetch(job_id, connection=redis).data
    assert other.lrange("rq:queue:metrics", 0, -1) == redis.lrange("rq:queue:metrics", 0, -1)
    assert other.smembers("rq:queues") == redis.smembers("rq:queues")


def test_nothing_of_the_body_is_in_a_job(redis):
    """Jobs carry ids only."""
    Publisher(redis, Settings()).publish(event("metrics"))
    job = StageJob.fetch(f"{event().event_id}-metrics", connection=redis)
    assert [event().event_id] == job.args
    assert "secret" not in repr(redis.hgetall(f"rq:job:{job.id}")) + str(job.data)


def test_without_redis_nothing_is_promised():
    """An unreachable Redis is QueueUnavailable, which says nothing of addresses."""
    nowhere = connect_redis("unix:///nonexistent/valkey.sock", timeout_seconds=1)
    with pytest.raises(QueueUnavailable) as told:
        Publisher(nowhere, Settings()).publish(event("metrics"))
    assert "nonexistent" not in str(told.value)
