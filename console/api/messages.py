"""Listings of what was said in a call: its messages as they are worded now, and their earlier wordings."""

from collections.abc import Sequence
from datetime import datetime

from console.api.calls import read_part
from console.api.cursors import INTEGER, MOMENT_IF_ANY, TEXT, Cursor, Place
from console.api.operations import Listing, ListingQuery, PathValues, Row
from console.errors import Missing
from console.services import Services
from shared.queries import queries


class Message(Row):
    """What was said. `revision` counts its wordings; `reply_to` names the user's message that it answers."""

    call_id: str
    message_id: str
    role: str | None
    text: str | None
    spoken_at: datetime | None
    confidence: float | None
    revision: int
    reply_to: str | None


class Revision(Row):
    """An earlier wording of a message; `replaced_at` is when it was last told."""

    call_id: str
    message_id: str
    revision: int
    text: str
    replaced_at: datetime | None


def list_messages(
    services: Services, path: PathValues, _: ListingQuery, place: Place | None, limit: int
) -> Sequence[Message]:
    """Read the messages of a call in the order they were spoken. Raises Missing."""
    spoken_at, message_id = place or (None, None)
    values = {"call_id": path["call_id"], "after_spoken_at": spoken_at, "after_message_id": message_id, "limit": limit}
    rows = read_part(services, queries("console_messages")["list"], values)
    return [Message.model_validate(row) for row in rows]


def list_revisions(
    services: Services, path: PathValues, _: ListingQuery, place: Place | None, limit: int
) -> Sequence[Revision]:
    """Read the earlier wordings of a message, the first one first. Raises Missing."""
    (revision,) = place or (None,)
    values = {
        "call_id": path["call_id"],
        "message_id": path["message_id"],
        "after_revision": revision,
        "limit": limit,
    }
    if not read_part(services, queries("console_messages")["exists"], values):
        raise Missing("the call has no message of that id")
    rows = services.store.rows(queries("console_messages")["list_revisions"], values)
    return [Revision.model_validate(row) for row in rows]


OPERATIONS = (
    Listing(
        path="/api/calls/{call_id}/messages",
        summary="The messages of a call, in the order they were spoken",
        noun="messages",
        query=ListingQuery,
        row=Message,
        cursor=Cursor(MOMENT_IF_ANY, TEXT),
        place_of=lambda message: (message.spoken_at, message.message_id),
        read=list_messages,
    ),
    Listing(
        path="/api/calls/{call_id}/messages/{message_id}/revisions",
        summary="The earlier wordings of a message, the first one first",
        noun="revisions",
        query=ListingQuery,
        row=Revision,
        cursor=Cursor(INTEGER),
        place_of=lambda revision: (revision.revision,),
        read=list_revisions,
    ),
)
