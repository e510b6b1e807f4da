"""What became of an event: what is pending of it in Redis, and what of it is on record in PostgreSQL."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import nlargest
from itertools import islice
from typing import Any, Literal, TypeVar, cast

from redis import Redis

from shared.database import Connection
from shared.errors import DatabaseUnavailable, QueueUnavailable
from shared.event_records import PREFIX, record_key
from shared.failures import UNKNOWN
from shared.queries import queries
from shared.redis_client import redis_faults_told
from shared.rq_names import failed_key, job_id_of, job_key, scheduled_key
from shared.stages import QUEUES

ID_LENGTH = 32
SHORTEST_BEGINNING = 8
KEYS_AT_ONCE = 1000

State = Literal["waiting", "at work", "retry", "dead letter", "no job"]

_BEGINNING = re.compile(rf"[0-9a-f]{{{SHORTEST_BEGINNING},{ID_LENGTH}}}")
_RECORD_FIELDS = ("event_type", "call_id", "received_at", "size", *(f"stage:{stage}" for stage in QUEUES))
_JOB_FIELDS = ("status", "enqueued_at", "started_at", "ended_at", "retries_left", "meta", "reason")

_Found = TypeVar("_Found")


class UnclearEvent(ValueError):
    """What was given names no event: it is no beginning of an id, or the beginning of several."""


@dataclass(frozen=True, slots=True)
class PendingStage:
    """A stage that an event has still to pass.

    `since` is when it began to wait, was taken up or failed; of a retry, when it is due. None where nobody wrote it
    down. `attempts` counts those that have failed, `reason` is why the last of them has; empty where none has.
    """

    stage: str
    state: State
    since: datetime | None
    attempts: int
    attempts_left: int
    reason: str


@dataclass(frozen=True, slots=True)
class StoredStage:
    """A stage that an event has passed; `written` rows were new or changed."""

    stage: str
    stored_at: datetime
    written: int


@dataclass(slots=True)
class Story:
    """What is known of one event. `size` is in bytes, and known only while its body is."""

    event_id: str
    event_type: str = ""
    call_id: str = ""
    received_at: datetime | None = None
    size: int | None = None
    pending: list[PendingStage] = field(default_factory=list)
    stored: list[StoredStage] = field(default_factory=list)
    quarantine_reason: str = ""
    is_snapshot: bool = False

    @property
    def is_known(self) -> bool:
        """Whether anything is known of it."""
        return self.received_at is not None


@dataclass(frozen=True, slots=True)
class Told:
    """The stories of the events that are known, and which servers could not be asked."""

    stories: Sequence[Story]
    silent: Sequence[str]


class Stories:
    """Tells of events what Redis and PostgreSQL know, and does with one of them where the other is away."""

    def __init__(self, redis: Redis, transaction: Callable[[], AbstractContextManager[Connection]]) -> None:
        """Remember whom to ask; `transaction` raises DatabaseUnavailable where PostgreSQL cannot be asked."""
        self._redis = redis
        self._transaction = transaction
        self._silent: dict[str, None] = {}

    def of_event(self, beginning: str) -> Told:
        """Tell of the event of this id, or the only one whose id begins so. Raises UnclearEvent."""
        beginning = beginning.strip().lower()
        if not _BEGINNING.fullmatch(beginning):
            raise UnclearEvent("an event's id has 32 of the characters 0-9 and a-f; give at least the first 8 of them")
        event_ids = [beginning] if len(beginning) == ID_LENGTH else self._beginning_with(beginning)
        if len(event_ids) > 1:
            raise UnclearEvent(f"several events begin with {beginning}; give more of the id")
        return self._tell(event_ids)

    def of_id(self, event_id: str) -> Told:
        """Tell of the event of this very id."""
        return self._tell([event_id])

    def of_call(self, call_id: str, limit: int) -> Told:
        """Tell of the newest events of a call. What waits is found by looking through all that Redis holds."""
        stored = self._ask_postgresql(lambda connection: _events_of_call(connection, call_id, limit)) or []
        waiting = self._ask_redis(lambda: nlargest(limit, self._waiting_of_call(call_id))) or []
        told = self._tell(dict.fromkeys([*(event_id for _, event_id in waiting), *stored]))
        newest = sorted(told.stories, key=lambda story: (story.received_at, story.event_id), reverse=True)
        return Told(newest[:limit], told.silent)

    def _beginning_with(self, beginning: str) -> list[str]:
        stored = self._ask_postgresql(lambda connection: _events_beginning_with(connection, beginning)) or []
        keys = self._ask_redis(lambda: list(islice(self._scan(f"{PREFIX}{beginning}*"), 2))) or []
        return sorted({*stored, *(key.removeprefix(PREFIX) for key in keys)})

    def _waiting_of_call(self, call_id: str) -> Iterator[tuple[int, str]]:
        """Name the events of a call, each with the ms since 1970 at which it was received."""
        keys = self._scan(f"{PREFIX}*")
        while page := list(islice(keys, KEYS_AT_ONCE)):
            with self._redis.pipeline(transaction=False) as pipeline:
                for key in page:
                    pipeline.hmget(key, ("call_id", "received_at"))
                found = pipeline.execute()
            for key, (of, received_at) in zip(page, found, strict=True):
                if of == call_id.encode():
                    yield int(received_at or 0), key.removeprefix(PREFIX)

    def _scan(self, pattern: str) -> Iterator[str]:
        return (key.decode() for key in self._redis.scan_iter(pattern, count=KEYS_AT_ONCE))

    def _tell(self, event_ids: Iterable[str]) -> Told:
        stories = {event_id: Story(event_id) for event_id in event_ids}
        self._ask_redis(lambda: self._tell_what_waits(stories))
        self._ask_postgresql(lambda connection: _tell_what_is_on_record(connection, stories))
        return Told([story for story in stories.values() if story.is_known], list(self._silent))

    def _tell_what_waits(self, stories: Mapping[str, Story]) -> None:
        with self._redis.pipeline(transaction=False) as pipeline:
            for event_id in stories:
                pipeline.hmget(record_key(event_id), _RECORD_FIELDS)
            records = pipeline.execute()
        for story, record in zip(stories.values(), records, strict=True):
            if any(value is not None for value in record):
                _read_record(story, record)
                stages = [stage for stage, value in zip(QUEUES, record[4:], strict=True) if value is not None]
                story.pending = [self._pending(story.event_id, stage) for stage in stages]

    def _pending(self, event_id: str, stage: str) -> PendingStage:
        job_id = job_id_of(event_id, stage)
        with self._redis.pipeline() as pipeline:
            pipeline.hmget(job_key(job_id), _JOB_FIELDS)
            pipeline.zscore(failed_key(stage), job_id)
            pipeline.zscore(scheduled_key(stage), job_id)
            job, failed, due = pipeline.execute()
        return _pending_stage(stage, dict(zip(_JOB_FIELDS, job, strict=True)), is_failed=failed is not None, due=due)

    def _ask_redis(self, ask: Callable[[], _Found]) -> _Found | None:
        try:
            with redis_faults_told():
                return ask()
        except QueueUnavailable:
            self._silent["Redis"] = None
            return None

    def _ask_postgresql(self, ask: Callable[[Connection], _Found]) -> _Found | None:
        if "PostgreSQL" in self._silent:
            return None
        try:
            with self._transaction() as connection:
                return ask(connection)
        except DatabaseUnavailable:
            self._silent["PostgreSQL"] = None
            return None


def _read_record(story: Story, record: Sequence[bytes | None]) -> None:
    event_type, call_id, received_at, size = (value or b"" for value in record[:4])
    story.event_type, story.call_id = event_type.decode(), call_id.decode()
    story.received_at = datetime.fromtimestamp(int(received_at or 0) / 1000, UTC)
    story.size = int(size or 0)


def _pending_stage(stage: str, job: Mapping[str, bytes | None], *, is_failed: bool, due: float | None) -> PendingStage:
    given = int(json.loads(job["meta"] or b"{}").get("attempts", 0))
    left = int(job["retries_left"] or 0)
    spent = max(given - left, 0)
    reason = (job["reason"] or UNKNOWN.encode()).decode()
    if is_failed:
        return PendingStage(stage, "dead letter", _time(job["ended_at"]), spent + 1, 0, reason)
    state, since = _state(job, due)
    # A job that met a server's outage pauses with all its attempts.
    has_failed = spent > 0 or state == "retry"
    return PendingStage(stage, state, since, spent, left + 1 if state != "no job" else 0, reason if has_failed else "")


def _state(job: Mapping[str, bytes | None], due: float | None) -> tuple[State, datetime | None]:
    if due is not None:
        return "retry", datetime.fromtimestamp(due, UTC)
    if job["status"] == b"started":
        return "at work", _time(job["started_at"])
    if job["status"] == b"queued":
        return "waiting", _time(job["enqueued_at"])
    return "no job", None


def _time(written: bytes | None) -> datetime | None:
    return datetime.fromisoformat(written.decode()) if written else None


def _events_beginning_with(connection: Connection, beginning: str) -> list[str]:
    rows = connection.execute(queries("stories")["find_events"], {"beginning": beginning})
    return [row["event_id"] for row in rows]


def _events_of_call(connection: Connection, call_id: str, limit: int) -> list[str]:
    rows = connection.execute(queries("stories")["list_events"], {"call_id": call_id, "limit": limit})
    return [row["event_id"] for row in rows]


def _tell_what_is_on_record(connection: Connection, stories: Mapping[str, Story]) -> None:
    wanted = {"event_ids": list(stories)}
    for row in connection.execute(queries("stories")["load_receipts"], wanted):
        story = stories[row["event_id"]]
        _note(story, row)
        story.stored.append(StoredStage(row["stage"], row["stored_at"], row["written"]))
    for row in connection.execute(queries("stories")["load_quarantine"], wanted):
        story = stories[row["event_id"]]
        story.received_at, story.size, story.quarantine_reason = row["received_at"], row["size"], row["reason"]
    for row in connection.execute(queries("stories")["load_snapshots"], _keys_of_snapshots(stories.values())):
        stories[row["event_id"]].is_snapshot = True


def _note(story: Story, row: Mapping[str, Any]) -> None:
    # The event of a call that was in quarantine has a receipt without type and call beside the others.
    story.event_type = story.event_type or row["event_type"]
    story.call_id = story.call_id or row["call_id"]
    story.received_at = story.received_at or row["received_at"]


def _keys_of_snapshots(stories: Iterable[Story]) -> dict[str, list[str]]:
    known = [story for story in stories if story.call_id]
    names = ("call_id", "event_type", "event_id")
    return {name: [cast("str", getattr(story, name)) for story in known] for name in names}
