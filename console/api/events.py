"""The operation about one event: what became of it, stage by stage, and no word of its body."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field

from console.api.operations import Operation, PathValues, Query, Row
from console.errors import Missing
from console.patience import PATIENCE_SECONDS, TookTooLong, read_in_time
from console.services import Services
from shared.errors import DatabaseUnavailable, QueueUnavailable
from shared.event_stories import PendingStage, StoredStage, Stories, Story, Told
from shared.event_stories import State as PendingState
from shared.queries import queries

LONGEST_ID = 100

StageState = Literal["stored", "waiting", "at_work", "retrying", "dead_letter", "lost"]
_STATES: Mapping[PendingState, StageState] = {
    "waiting": "waiting",
    "at work": "at_work",
    "retry": "retrying",
    "dead letter": "dead_letter",
    "no job": "lost",
}


class EventStage(Row):
    """A stage of an event. One that is `lost` is pending without a job; the janitor dispatches it again."""

    stage: str
    state: StageState
    since: datetime | None = Field(
        description="when it was stored, began to wait, was taken or failed; while retrying, when the attempt is due"
    )
    attempts: int | None = Field(description="attempts that have failed; null once it is stored")
    attempts_left: int | None
    reason: str | None = Field(description="why the last attempt failed")
    written: int | None = Field(description="rows that were new or changed; null until it is stored")


class Event(Row):
    """What is known of an event. What a server in `silent` knows of it is missing."""

    event_id: str
    event_type: str | None
    call_id: str | None
    has_call: bool | None = Field(description="whether the call can be asked for; null while PostgreSQL is away")
    received_at: datetime | None
    size: int | None = Field(description="bytes of its body; null once that is gone")
    stages: list[EventStage]
    quarantine_reason: str | None
    is_snapshot: bool = Field(description="whether it is the stored snapshot of its call")
    silent: list[str]


def find_event(services: Services, path: PathValues, _: Query) -> Event:
    """Read what became of an event. Raises Missing; with a server away and nothing known, what tells of that."""
    event_id = path["event_id"].lower()
    if not (event_id.isascii() and event_id.isalnum() and len(event_id) <= LONGEST_ID):
        raise Missing("there is no event of that id")
    told = _tell(services, event_id)
    for story in told.stories:
        return _event(story, told.silent, has_call=_has_call(services, story, told.silent))
    if "Redis" in told.silent:
        raise QueueUnavailable("it may know of the event")
    if told.silent:
        raise DatabaseUnavailable("it may know of the event")
    raise Missing("there is no event of that id: it never came, or its receipts have been deleted (RECEIPT_DAYS)")


def _tell(services: Services, event_id: str) -> Told:
    stories = Stories(services.redis, services.store.reading)
    try:
        return read_in_time(lambda: stories.of_id(event_id), 2 * PATIENCE_SECONDS)
    except TookTooLong:
        raise DatabaseUnavailable("no answer in time") from None


def _has_call(services: Services, story: Story, silent: Sequence[str]) -> bool | None:
    if not story.call_id:
        return False
    if "PostgreSQL" in silent:
        return None
    return services.store.row(queries("console_calls")["exists"], {"call_id": story.call_id}) is not None


def _event(story: Story, silent: Sequence[str], *, has_call: bool | None) -> Event:
    return Event(
        event_id=story.event_id,
        event_type=story.event_type or None,
        call_id=story.call_id or None,
        has_call=has_call,
        received_at=story.received_at,
        size=story.size,
        stages=[*map(_stored, story.stored), *map(_pending, story.pending)],
        quarantine_reason=story.quarantine_reason or None,
        is_snapshot=story.is_snapshot,
        silent=list(silent),
    )


def _stored(stage: StoredStage) -> EventStage:
    return EventStage(
        stage=stage.stage,
        state="stored",
        since=stage.stored_at,
        attempts=None,
        attempts_left=None,
        reason=None,
        written=stage.written,
    )


def _pending(stage: PendingStage) -> EventStage:
    return EventStage(
        stage=stage.stage,
        state=_STATES[stage.state],
        since=stage.since,
        attempts=stage.attempts,
        attempts_left=stage.attempts_left,
        reason=stage.reason or None,
        written=None,
    )


OPERATIONS = (
    Operation(
        path="/api/events/{event_id}", summary="What became of one event, stage by stage", answer=Event, read=find_event
    ),
)
