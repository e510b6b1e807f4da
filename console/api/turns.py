"""The listing of a call's turns: what the user said, the reply to it, and what its latency is made of."""

from collections.abc import Sequence
from datetime import datetime

from console.api.calls import read_part
from console.api.cursors import MOMENT_IF_ANY, TEXT, Cursor, Place
from console.api.operations import Listing, ListingQuery, PathValues, Row
from console.services import Services
from shared.queries import queries


class Turn(Row):
    """A user's message, by `turn_id`, and the first reply to it; the parts and the remainder add up to the latency."""

    call_id: str
    turn_id: str
    spoken_at: datetime | None
    reply_message_id: str | None
    replied_at: datetime | None
    turn_latency_ms: float | None
    eou_ms: float | None
    eou_queue_ms: float | None
    llm_queue_ms: float | None
    llm_ms: float | None
    tts_queue_ms: float | None
    tts_ms: float | None
    remainder_ms: float | None
    tts_is_cache_playing: bool | None


def list_turns(
    services: Services, path: PathValues, _: ListingQuery, place: Place | None, limit: int
) -> Sequence[Turn]:
    """Read the turns of a call in the order they were spoken. Raises Missing."""
    spoken_at, turn_id = place or (None, None)
    values = {"call_id": path["call_id"], "after_spoken_at": spoken_at, "after_turn_id": turn_id, "limit": limit}
    return [Turn.model_validate(row) for row in read_part(services, queries("console_calls")["list_turns"], values)]


OPERATIONS = (
    Listing(
        path="/api/calls/{call_id}/turns",
        summary="The turns of a call, in the order they were spoken",
        noun="turns",
        query=ListingQuery,
        row=Turn,
        cursor=Cursor(MOMENT_IF_ANY, TEXT),
        place_of=lambda turn: (turn.spoken_at, turn.turn_id),
        read=list_turns,
    ),
)
