"""Operations about calls: the list of them, and one of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import DictRow
from pydantic import Field, JsonValue

from console.api.cursors import MOMENT, TEXT, Cursor, Place
from console.api.operations import Listing, ListingQuery, Moment, Operation, PathValues, Query, Row, Text
from console.errors import Missing
from console.services import Services
from shared.queries import queries


class CallsQuery(ListingQuery):
    """Which calls; all filters must hold. `since` and `until` are about the beginning of the call."""

    status: Text | None = None
    assistant_id: Text | None = None
    team_id: Text | None = None
    llm_model: Text | None = None
    since: Moment | None = None
    until: Moment | None = None
    search: Text | None = Field(default=None, description="words said in the call; OR, -word and quotes work")
    has_interruptions: bool | None = None
    slow: bool | None = Field(default=None, description="whether a turn took SLOW_TURN_MS or longer")
    alerts: bool | None = Field(default=None, description="whether an alert was raised about the call")


class Call(Row):
    """A call, as lists show it. No customer's number or name is in it."""

    call_id: str
    team_id: str | None
    assistant_id: str | None
    assistant_name: str | None
    llm_model: str | None
    call_type: str | None
    direction: str | None
    status: str | None
    phone_call_status: str | None
    began_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: float | None
    message_count: int
    last_message_at: datetime | None
    total_cost: float | None
    end_trigger: str | None
    outcome: str | None


class CallDetail(Call):
    """All of a call that people may see; `cost` by what it was spent on, in the platform's currency."""

    llm_provider: str | None
    phone_call_status_reason: str | None
    summary: str | None
    success_evaluation: str | None
    cost: dict[str, JsonValue] | None


def list_calls(services: Services, _: PathValues, query: CallsQuery, place: Place | None, limit: int) -> Sequence[Call]:
    """Read calls, newest beginning first."""
    after_began_at, after_call_id = place or (None, None)
    values = {
        **query.filters,
        "slow_turn_ms": services.settings.slow_turn_ms,
        "after_began_at": after_began_at,
        "after_call_id": after_call_id,
        "limit": limit,
    }
    return [Call.model_validate(row) for row in services.store.rows(queries("console_calls")["list"], values)]


def find_call(services: Services, path: PathValues, _: Query) -> CallDetail:
    """Read one call. Raises Missing."""
    row = services.store.row(queries("console_calls")["find"], {"call_id": path["call_id"]})
    if row is None:
        raise Missing("there is no call of that id")
    return CallDetail.model_validate(row)


def read_part(services: Services, statement: str, values: dict[str, Any]) -> list[DictRow]:
    """Read rows that belong to the call that `values` name. Raises Missing where there is no such call."""
    with services.store.reading() as connection:
        if connection.execute(queries("console_calls")["exists"], values).fetchone() is None:
            raise Missing("there is no call of that id")
        return connection.execute(statement, values).fetchall()


OPERATIONS = (
    Listing(
        path="/api/calls",
        summary="Calls, newest beginning first",
        noun="calls",
        query=CallsQuery,
        row=Call,
        cursor=Cursor(MOMENT, TEXT),
        place_of=lambda call: (call.began_at, call.call_id),
        read=list_calls,
    ),
    Operation(path="/api/calls/{call_id}", summary="One call", answer=CallDetail, read=find_call),
)
