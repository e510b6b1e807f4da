"""The page of all calls: filters, a table, its next page, and the same rows as files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from pydantic import ValidationError

from console.api.calls import OPERATIONS, Call, CallsQuery, list_calls
from console.api.operations import Listing, Row, read_cursor, write_cursor
from console.errors import Unprocessable, describe
from console.pages.marks import Marks, read_marks
from console.services import Services
from shared.queries import queries

STATUSES = ("initiated", "queued", "ongoing", "forwarded", "finished", "failed")
# Beyond this a list to choose from helps nobody; the address takes any id.
MOST_CHOICES = 200
CALLS_A_PAGE = "50"


class Choice(Row):
    """Something to choose in a filter: its value, and its name where it has one."""

    value: str
    name: str | None


@dataclass(frozen=True, slots=True)
class CallsPage:
    """What the page shows: `asked` are the filters as they came, `problem` is why nothing was looked for."""

    asked: Mapping[str, str]
    query: CallsQuery = field(default_factory=CallsQuery)
    problem: str = ""
    calls: Sequence[Call] = ()
    marks: Mapping[str, Marks] = field(default_factory=dict)
    following: str | None = None

    @property
    def filters(self) -> Mapping[str, str]:
        """What was asked, but for which page of it."""
        return {name: value for name, value in self.asked.items() if name not in ("cursor", "limit")}

    def path_of(self, path: str, **more: str | None) -> str:
        """Write an address with the same filters."""
        asked = {**self.filters, **{name: value for name, value in more.items() if value}}
        return f"{path}?{urlencode(asked)}" if asked else path


def add_pages(blueprint: Blueprint, services: Services) -> None:
    """Add /calls."""

    @blueprint.get("/calls")
    def calls() -> tuple[str, int]:
        page = read_calls(services, read_filters(request.args.to_dict()))
        choices = {name: _choices(services, f"list_{name}") for name in ("assistants", "teams")}
        told = {"page": page, "statuses": STATUSES, "slow_turn_ms": services.settings.slow_turn_ms, **choices}
        return render_template("calls.html", **told), 422 if page.problem else 200


def read_filters(arguments: Mapping[str, str]) -> dict[str, str]:
    """Take what a form sends: a field left empty asks for nothing, a time without a zone is UTC."""
    asked = {name: value.strip() for name, value in arguments.items() if value.strip() and name != "format"}
    return asked | {name: _in_utc(asked[name]) for name in ("since", "until") if name in asked}


def read_calls(services: Services, asked: Mapping[str, str]) -> CallsPage:
    """Read the calls that pass the filters; a filter that makes no sense is told in `problem`."""
    try:
        query = CallsQuery.model_validate({"limit": CALLS_A_PAGE, **asked})
        place = read_cursor(_listing(), query.cursor)
    except ValidationError as error:
        return CallsPage(asked, problem=describe(error))
    except Unprocessable as error:
        return CallsPage(asked, problem=str(error))
    found = list_calls(services, {}, query, place, query.limit + 1)
    calls, rest = found[: query.limit], found[query.limit :]
    marks = read_marks(services, [call.call_id for call in calls])
    return CallsPage(asked, query, "", calls, marks, write_cursor(_listing(), calls[-1]) if rest else None)


def _listing() -> Listing:
    return next(operation for operation in OPERATIONS if isinstance(operation, Listing))


def _choices(services: Services, name: str) -> Sequence[Choice]:
    rows = services.store.rows(queries("console_pages")[name], {"limit": MOST_CHOICES})
    return [Choice.model_validate(row) for row in rows]


def _in_utc(written: str) -> str:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return written
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
