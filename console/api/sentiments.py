"""The listing of a call's moods: how each message of its user sounds, and who says so."""

from collections.abc import Sequence
from datetime import datetime

from console.api.calls import read_part
from console.api.cursors import MOMENT_IF_ANY, TEXT, Cursor, Place
from console.api.operations import Listing, ListingQuery, PathValues, Row
from console.services import Services
from shared.queries import queries


class Sentiment(Row):
    """The mood of a message in its newest wording; `score` runs from -1 (negative) to 1 (positive).

    `label` is positive, neutral, negative, or unknown where the words gave nothing to go by.
    """

    call_id: str
    message_id: str
    label: str
    score: float | None
    confidence: float | None
    scorer: str
    spoken_at: datetime | None


def list_sentiments(
    services: Services, path: PathValues, _: ListingQuery, place: Place | None, limit: int
) -> Sequence[Sentiment]:
    """Read the moods of a call's messages in the order they were spoken. Raises Missing."""
    spoken_at, message_id = place or (None, None)
    values = {"call_id": path["call_id"], "after_spoken_at": spoken_at, "after_message_id": message_id, "limit": limit}
    rows = read_part(services, queries("console_messages")["list_sentiments"], values)
    return [Sentiment.model_validate(row) for row in rows]


OPERATIONS = (
    Listing(
        path="/api/calls/{call_id}/sentiments",
        summary="The moods of what the user said in a call, in the order it was spoken",
        noun="sentiments",
        query=ListingQuery,
        row=Sentiment,
        cursor=Cursor(MOMENT_IF_ANY, TEXT),
        place_of=lambda mood: (mood.spoken_at, mood.message_id),
        read=list_sentiments,
    ),
)
