"""How an operation of the API is declared: what it is asked by, what it answers, and the function that reads it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    create_model,
    model_validator,
)
from werkzeug.datastructures import MultiDict

from console.api.cursors import BadCursor, Cursor, Place
from console.errors import Unprocessable
from console.services import Services

MOST_ROWS = 500
LONGEST_TEXT = 500
LONGEST_NAME = 60

PathValues = Mapping[str, str]


_WITH_ZONE: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)
# Else a bare number would be read as seconds since 1970.
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NO_TIME = "is no time such as 2026-11-23, 2026-11-23T09:00 (both UTC) or 2026-11-23T09:00:00+01:00"


def _read_moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DATE.match(value):
        raise ValueError(_NO_TIME)
    try:
        return _in_utc_if_naive(value) or _WITH_ZONE.validate_python(value)
    except ValidationError:
        raise ValueError(_NO_TIME) from None


def _in_utc_if_naive(written: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return None if moment.tzinfo else moment.replace(tzinfo=UTC)


def _in_utc(value: datetime) -> datetime:
    # One that has no date in UTC would fail wherever it is calculated with.
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None


# No text of PostgreSQL's holds a NUL.
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$")]
Moment = Annotated[
    AwareDatetime,
    Strict(strict=False),
    BeforeValidator(_read_moment),
    AfterValidator(_in_utc),
    WithJsonSchema({"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}),
]


def _read_whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# JSON knows one kind of number: 5.0 is as whole as 5.
WHOLE = BeforeValidator(_read_whole)


class Query(BaseModel):
    """The parameters of an operation; one that is not known is refused, lest a filter be thought to work."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="after")
    def _is_some_time(self) -> Self:
        since, until = (getattr(self, name, None) for name in ("since", "until"))
        if since and until and since > until:
            raise ValueError("since: is later than until")
        return self


class ListingQuery(Query):
    """The parameters that every listing takes beside its filters."""

    limit: int = Field(default=50, ge=1, le=MOST_ROWS, description="rows of a page; an export has all")
    cursor: str | None = Field(default=None, max_length=4000, description="`next` of the page before")
    format: Literal["json", "csv", "ndjson"] = Field(default="json", description="csv and ndjson: all rows, streamed")

    @property
    def filters(self) -> dict[str, Any]:
        """What is asked for, but for how much of it and in which form."""
        return self.model_dump(exclude={"limit", "cursor", "format"})


class Row(BaseModel):
    """A row, or part of an answer; its fields are those of the JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)


class Problem(BaseModel):
    """What is answered when something is wrong."""

    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One answer to one question. `read` raises Missing, Unprocessable, DatabaseUnavailable and QueueUnavailable."""

    path: str
    summary: str
    query: type[Query] = Query
    answer: type[BaseModel]
    read: Callable[[Services, PathValues, Any], BaseModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something to be done, as a body of JSON says, by whom. `run` raises what `read` of an operation does."""

    path: str
    summary: str
    body: TypeAdapter[Any]
    answer: type[BaseModel]
    run: Callable[[Services, Any, str], BaseModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Rows in an order of their own, page by page.

    `read(services, path_values, query, place, limit)` gives up to `limit` rows that come behind `place`, the place of a
    row as `place_of` gives it and `cursor` writes it; None stands for the beginning.
    """

    path: str
    summary: str
    noun: str
    query: type[ListingQuery]
    row: type[Row]
    cursor: Cursor
    place_of: Callable[[Any], Place]
    read: Callable[[Services, PathValues, Any, Place | None, int], Sequence[Row]]

    @property
    def page(self) -> type[BaseModel]:
        """The type of a page: the rows under the listing's noun, and the cursor of the next page."""
        return _page_type(self.noun, self.row)


Declared = Operation | Listing | Command
AnyQuery = TypeVar("AnyQuery", bound=Query)


@cache
def _page_type(noun: str, row: type[Row]) -> type[BaseModel]:
    fields: dict[str, Any] = {noun: (list[row], ...), "next": (str | None, ...)}  # type: ignore[valid-type]
    return create_model(f"{row.__name__}Page", **fields)


def read_query(kind: type[AnyQuery], arguments: MultiDict[str, str]) -> AnyQuery:
    """Read the parameters of a request, each known and given once. Raises Unprocessable and ValidationError."""
    for name in arguments:
        if name not in kind.model_fields:
            known = f"known are {', '.join(kind.model_fields)}" if kind.model_fields else "none is known here"
            raise Unprocessable(f"unknown parameter {name[:LONGEST_NAME]!r}; {known}")
        if len(arguments.getlist(name)) > 1:
            raise Unprocessable(f"{name}: is given more than once")
    return kind.model_validate(arguments.to_dict())


def read_page(listing: Listing, services: Services, path: PathValues, query: ListingQuery) -> BaseModel:
    """Read the page that a query asks for: its rows under the listing's noun, and the cursor of the next or None."""
    rows, following = read_rows(listing, services, path, query)
    told: dict[str, Any] = {listing.noun: rows, "next": following}
    return listing.page.model_construct(**told)


def read_rows(
    listing: Listing, services: Services, path: PathValues, query: ListingQuery
) -> tuple[Sequence[Any], str | None]:
    """Read the rows of the page that a query asks for, and the cursor of the next or None."""
    rows = listing.read(services, path, query, read_cursor(listing, query.cursor), query.limit + 1)
    page, rest = rows[: query.limit], rows[query.limit :]
    return page, write_cursor(listing, page[-1]) if rest else None


def write_cursor(listing: Listing, row: Row) -> str:
    """Name a row, so that the next page begins behind it."""
    return listing.cursor.write(listing.place_of(row))


def read_cursor(listing: Listing, cursor: str | None) -> Place | None:
    """Read what `write_cursor` wrote. Raises Unprocessable for anything else."""
    try:
        return None if cursor is None else listing.cursor.read(cursor)
    except BadCursor:
        raise Unprocessable("cursor: is none that this listing has given") from None
