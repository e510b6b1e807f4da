"""The listing of dead letters: stages that failed for an event for good, with the reason, and no word of its body."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field, PrivateAttr

from console.api.cursors import SCORE, STAGE, TEXT, Cursor, Place
from console.api.operations import Listing, ListingQuery, Moment, PathValues, Row, Text
from console.services import Services
from shared.dead_letters import DeadLetters
from shared.dead_letters import Place as DeadLetterPlace
from shared.filters import DeadLetterFilter

Stage = Literal["transcripts", "metrics", "interruptions", "lifecycle", "quarantine"]


class FailedQuery(ListingQuery):
    """Which dead letters; all filters must hold. `since` and `until` are about the time of failing, both included."""

    stage: Stage | None = None
    error: Text | None = Field(default=None, description="class of the error, such as BadEvent")
    call_id: Text | None = None
    event_id: Text | None = None
    since: Moment | None = None
    until: Moment | None = None


class Failed(Row):
    """A stage that failed for an event. `error` is the class of the error; `size` is that of the body, in bytes."""

    stage: str
    event_id: str
    failed_at: datetime | None
    error: str
    reason: str
    attempts: int
    event_type: str
    call_id: str
    received_at: datetime
    size: int

    _place: DeadLetterPlace = PrivateAttr(default=(0.0, "", ""))

    def at(self, place: DeadLetterPlace) -> "Failed":
        """Remember where it stands among all."""
        self._place = place
        return self

    @property
    def place(self) -> DeadLetterPlace:
        """Where it stands among all."""
        return self._place


def list_failed(
    services: Services, _: PathValues, query: FailedQuery, place: Place | None, limit: int
) -> Sequence[Failed]:
    """Read dead letters, the one that failed last in front."""
    wanted = DeadLetterFilter(**query.filters)
    behind = None if place is None else (place[0], place[1], place[2])
    letters = DeadLetters(services.redis, services.settings).newest(wanted, limit, behind)
    return [Failed.model_validate(letter).at(where) for where, letter in letters]


OPERATIONS = (
    Listing(
        path="/api/failed",
        summary="Dead letters, the one that failed last in front",
        noun="failed",
        query=FailedQuery,
        row=Failed,
        cursor=Cursor(SCORE, STAGE, TEXT),
        place_of=lambda failed: failed.place,
        read=list_failed,
    ),
)
