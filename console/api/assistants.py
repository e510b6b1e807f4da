"""The listing of assistants that calls were held with: what a filter can choose from."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from console.api.cursors import TEXT, Cursor, Place
from console.api.operations import Listing, ListingQuery, PathValues, Row
from console.services import Services
from shared.queries import queries

# Who wants to know of a model looks for one in use; a look through all calls would take too long.
LATEST_CALLS = 200


class Assistant(Row):
    """An assistant, as its latest call has it."""

    assistant_id: str
    assistant_name: str | None
    llm_models: list[str] = Field(description=f"the models of its latest {LATEST_CALLS} calls")
    latest_call_at: datetime


def list_assistants(
    services: Services, _: PathValues, __: ListingQuery, place: Place | None, limit: int
) -> Sequence[Assistant]:
    """Read the assistants that calls were held with, by id."""
    (assistant_id,) = place or (None,)
    values = {"after_assistant_id": assistant_id, "latest_calls": LATEST_CALLS, "limit": limit}
    rows = services.store.rows(queries("console_operations")["list_assistants"], values)
    return [Assistant.model_validate(row) for row in rows]


OPERATIONS = (
    Listing(
        path="/api/assistants",
        summary="The assistants that calls were held with, by id",
        noun="assistants",
        query=ListingQuery,
        row=Assistant,
        cursor=Cursor(TEXT),
        place_of=lambda assistant: (assistant.assistant_id,),
        read=list_assistants,
    ),
)
