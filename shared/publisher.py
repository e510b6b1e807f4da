"""Put an event and the jobs of its stages into Redis: one script, one round trip, all or nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Literal

from redis import Redis
from redis.exceptions import RedisError
from rq.job import JobStatus, Retry
from rq.queue import Queue
from rq.utils import now, utcformat

from shared.errors import QueueUnavailable
from shared.event_records import compress, record_key
from shared.jobs import DROP, KEEP, StageJob
from shared.settings import Settings
from shared.stages import CHANNELS, QUEUES, task_name

Answer = Literal["queued", "duplicate"]

# What differs from job to job, and is written by the script.
_OF_EACH_JOB = ("data", "created_at", "enqueued_at", "description")


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """An event on its way in; `stages` are the queues it goes to, `reason` says why it is in quarantine."""

    event_id: str
    received_at_ms: int
    stages: Sequence[str]
    body: bytes
    event_type: str = ""
    call_id: str = ""
    reason: str = ""


def event_id_of(body: bytes) -> str:
    """Name an event by its body: the same delivery twice is one event, and RQ allows the id in a job's."""
    return sha256(body).hexdigest()[:32]


class Publisher:
    """Publishes events to one Redis. Safe to share between threads."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._script = redis.register_script(files("shared").joinpath("lua/publish.lua").read_text())
        self._shared_fields = {queue: shared_fields(redis, queue, settings) for queue in QUEUES}

    def publish(self, event: IncomingEvent) -> Answer:
        """Publish an event, unless the same is pending. Raises QueueUnavailable; then nothing was promised."""
        try:
            written = self._script([record_key(event.event_id), Queue.redis_queues_keys], self._arguments(event))
        except RedisError as error:
            raise QueueUnavailable(type(error).__name__) from error
        return "queued" if written else "duplicate"

    def _arguments(self, event: IncomingEvent) -> list[Any]:
        record = _record(event)
        arguments = [event.event_id, utcformat(now()), len(record) // 2, *record]
        for stage in event.stages:
            arguments += [stage, self._shared_fields[stage], job_data(stage, event.event_id)]
        return arguments


def job_data(stage: str, event_id: str) -> bytes:
    """Write what a job runs, and on what. RQ reads it plain as well as compressed, which costs more than it saves."""
    return b'["%b", null, ["%b"], {}]' % (task_name(stage).encode(), event_id.encode())


@cache
def attempts_meta(attempts: int) -> str:
    """Write down how many attempts a job was given after its first; RQ only counts those that are left."""
    return json.dumps({"attempts": attempts})


def shared_fields(redis: Redis, queue: str, settings: Settings) -> str:
    """Take the fields of a job's hash from RQ itself, as a JSON list; they are the same for all jobs of a queue."""
    attempts = settings.alert_attempts if queue in CHANNELS else settings.job_attempts
    job = StageJob.create(
        task_name(queue),
        args=("",),
        connection=redis,
        origin=queue,
        status=JobStatus.QUEUED,
        timeout=settings.job_timeout_seconds,
        result_ttl=DROP,
        failure_ttl=KEEP,
        retry=Retry(max=attempts - 1) if attempts > 1 else None,
    )
    fields = {name: value for name, value in job.to_dict().items() if name not in _OF_EACH_JOB}
    fields["meta"] = attempts_meta(attempts - 1)
    return json.dumps([_text(part) for field in fields.items() for part in field])


def _record(event: IncomingEvent) -> list[str | bytes | int]:
    return [
        *("event_type", event.event_type),
        *("call_id", event.call_id),
        *("received_at", event.received_at_ms),
        *("reason", event.reason),
        *("body", compress(event.body)),
        *("size", len(event.body)),
    ]


def _text(part: Any) -> str:
    return part.decode() if isinstance(part, bytes) else str(getattr(part, "value", part))
