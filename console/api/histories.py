"""Listings of what happened in a call beside what was said: statuses, interruptions, incidents."""

from collections.abc import Sequence
from datetime import datetime

from console.api.calls import read_part
from console.api.cursors import INTEGER, MOMENT, MOMENT_IF_ANY, TEXT, Cursor, Place
from console.api.operations import Listing, ListingQuery, PathValues, Row
from console.services import Services
from shared.queries import queries


class Status(Row):
    """A status that a call has had."""

    call_id: str
    occurred_at: datetime
    status: str
    phone_call_status: str | None
    reason: str | None


class Interruption(Row):
    """Where the assistant was cut short: `skipped` speech was never heard, a `barge_in` ended it in the middle."""

    call_id: str
    message_id: str
    ordinal: int
    interrupted_text: str | None
    interrupted_message_id: str | None
    interrupted_at: datetime | None
    kind: str | None
    played_ms: float | None
    audio_ms: float | None


class Incident(Row):
    """What went wrong: a `hang` of the assistant, or a vendor's `error`; `message_id` is the newest message then."""

    call_id: str
    incident_id: str
    message_id: str | None
    kind: str
    error_type: str | None
    code: str | None
    message: str | None
    provider: str | None
    retryable: bool | None
    occurred_at: datetime | None


def list_statuses(
    services: Services, path: PathValues, _: ListingQuery, place: Place | None, limit: int
) -> Sequence[Status]:
    """Read what statuses a call went through, oldest first. Raises Missing."""
    occurred_at, status = place or (None, None)
    values = {"call_id": path["call_id"], "after_occurred_at": occurred_at, "after_status": status, "limit": limit}
    rows = read_part(services, queries("console_calls")["list_statuses"], values)
    return [Status.model_validate(row) for row in rows]


def list_interruptions(
    services: Services, path: PathValues, _: ListingQuery, place: Place | None, limit: int
) -> Sequence[Interruption]:
    """Read where the assistant was cut short, oldest first. Raises Missing."""
    interrupted_at, ordinal, message_id = place or (None, None, None)
    values = {
        "call_id": path["call_id"],
        "after_interrupted_at": interrupted_at,
        "after_message_id": message_id,
        "after_ordinal": ordinal,
        "limit": limit,
    }
    rows = read_part(services, queries("console_calls")["list_interruptions"], values)
    return [Interruption.model_validate(row) for row in rows]


def list_incidents(
    services: Services, path: PathValues, _: ListingQuery, place: Place | None, limit: int
) -> Sequence[Incident]:
    """Read what went wrong in a call, oldest first. Raises Missing."""
    occurred_at, incident_id = place or (None, None)
    values = {
        "call_id": path["call_id"],
        "after_occurred_at": occurred_at,
        "after_incident_id": incident_id,
        "limit": limit,
    }
    rows = read_part(services, queries("console_calls")["list_incidents"], values)
    return [Incident.model_validate(row) for row in rows]


OPERATIONS = (
    Listing(
        path="/api/calls/{call_id}/statuses",
        summary="The statuses a call went through, oldest first",
        noun="statuses",
        query=ListingQuery,
        row=Status,
        cursor=Cursor(MOMENT, TEXT),
        place_of=lambda status: (status.occurred_at, status.status),
        read=list_statuses,
    ),
    Listing(
        path="/api/calls/{call_id}/interruptions",
        summary="Where the assistant was cut short in a call, oldest first",
        noun="interruptions",
        query=ListingQuery,
        row=Interruption,
        cursor=Cursor(MOMENT_IF_ANY, INTEGER, TEXT),
        place_of=lambda cut: (cut.interrupted_at, cut.ordinal, cut.message_id),
        read=list_interruptions,
    ),
    Listing(
        path="/api/calls/{call_id}/incidents",
        summary="What went wrong in a call, oldest first",
        noun="incidents",
        query=ListingQuery,
        row=Incident,
        cursor=Cursor(MOMENT_IF_ANY, TEXT),
        place_of=lambda incident: (incident.occurred_at, incident.incident_id),
        read=list_incidents,
    ),
)
