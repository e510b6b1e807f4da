"""The events that the battery sends: calls of its own for every point, the same for the same seed. Pure."""

from collections.abc import Sequence

from shared.event_records import StoredEvent
from shared.publisher import IncomingEvent, event_id_of
from shared.stages import QUARANTINE, STAGES
from tests.calls import (
    RECEIVED_AT_MS,
    assistant,
    conversation_update,
    end_of_call_report,
    error,
    stages_of,
    status_update,
    user,
    welcome,
)

SKIPPED = {"messageId": "welcome-1", "text": "Good morning."}


def single(stage: str, call_id: str) -> list[StoredEvent]:
    """Make one event that the stage has something to do for."""
    return batch(stage, call_id)[-1:]


def batch(stage: str, call_id: str) -> list[StoredEvent]:
    """Make the events of two calls, each snapshot richer than the one before."""
    if stage == QUARANTINE:
        return [_unreadable(f"{call_id}-{number}") for number in range(3)]
    if stage == "lifecycle":
        return [*_statuses(f"{call_id}-b"), *_statuses(call_id)]
    return [*_snapshots(f"{call_id}-b"), *_snapshots(call_id)]


def incoming(event: StoredEvent, stages: Sequence[str] = ()) -> IncomingEvent:
    """Write an event as the ingest publishes it, for all its stages unless told."""
    routed = stages or stages_for_event(event)
    return IncomingEvent(
        event.event_id, event.received_at_ms, routed, event.body, event.event_type, event.call_id, event.reason
    )


def stages_for_event(event: StoredEvent) -> tuple[str, ...]:
    """Name the stages that an event passes, quarantine where it can pass no other."""
    return stages_of(event) if event.call_id else (QUARANTINE,)


def bystander_of(stage: str) -> str:
    """Name another stage, whose job for the same event nobody may touch."""
    return STAGES[(STAGES.index(stage) + 1) % len(STAGES)] if stage in STAGES else STAGES[0]


def _snapshots(call_id: str) -> list[StoredEvent]:
    history = [welcome(), user(1, skipped=[SKIPPED]), assistant(1), user(2), assistant(2)]
    return [conversation_update(history[:size], call_id=call_id) for size in (2, 3, 5)]


def _statuses(call_id: str) -> list[StoredEvent]:
    return [
        status_update("ongoing", call_id=call_id),
        error(call_id=call_id),
        end_of_call_report([welcome(), user(1)], call_id=call_id),
    ]


def _unreadable(text: str) -> StoredEvent:
    body = b'{"message": ' + text.encode()
    return StoredEvent(event_id_of(body), "", "", RECEIVED_AT_MS, body, "malformed_json")
