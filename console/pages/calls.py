"""The page of all calls: filters, a table, its next page, and the same rows as files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from pydantic import ValidationError
from werkzeug.wrappers import Response

from console.api.calls import OPERATIONS, Call, CallsQuery, list_calls
from console.api.operations import Listing, read_cursor, write_cursor
from console.errors import Unprocessable
from console.pages.call_choices import read_choices
from console.pages.formatting import call_path, minute
from console.pages.labels import NO_MOMENT, describe_filters, is_no, label_of, moment_of
from console.pages.marks import Marks, read_marks
from console.services import Services
from shared.queries import queries

CALLS_A_PAGE = "50"


@dataclass(frozen=True, slots=True)
class CallsPage:
    """What the page shows: `asked` are the filters as they came, `problem` is why nothing was looked for."""

    asked: Mapping[str, str]
    problem: str = ""
    calls: Sequence[Call] = ()
    marks: Mapping[str, Marks] = field(default_factory=dict)
    following: str | None = None

    @property
    def filters(self) -> Mapping[str, str]:
        """What was asked, but for which page of it."""
        return {name: value for name, value in self.asked.items() if name not in ("cursor", "limit")}

    def moment_of(self, name: str) -> str:
        """Write a time that was asked for as a field takes it; what is no time stays as it came."""
        written = self.asked.get(name, "")
        return minute(moment_of(written)) or written

    def path_of(self, path: str, **more: str | None) -> str:
        """Write an address with the same filters."""
        asked = {**self.filters, **{name: value for name, value in more.items() if value}}
        return f"{path}?{urlencode(asked)}" if asked else path


def add_pages(blueprint: Blueprint, services: Services) -> None:
    """Add /calls; an id in the place of words leads to its call."""

    @blueprint.get("/calls")
    def calls() -> tuple[str, int] | Response:
        page = read_calls(services, read_filters(request.args.to_dict()))
        sought = page.asked.get("search", "")
        if sought and not page.problem and is_call(services, sought):
            return redirect(call_path(sought))
        told = {"page": page, "choices": read_choices(services), "slow_turn_ms": services.settings.slow_turn_ms}
        return render_template("calls.html", **told), 422 if page.problem else 200


def read_filters(arguments: Mapping[str, str]) -> dict[str, str]:
    """Take what a form sends: a field left empty asks for nothing, a time without a zone is UTC."""
    asked = {name: value.strip() for name, value in arguments.items() if value.strip() and name != "format"}
    return asked | {name: _in_utc(asked[name]) for name in ("since", "until") if name in asked}


def read_calls(services: Services, asked: Mapping[str, str]) -> CallsPage:
    """Read the calls that pass the filters; a filter that makes no sense is told in `problem`."""
    try:
        query = _query_of(asked)
        place = read_cursor(_listing(), query.cursor)
    except ValidationError as error:
        return CallsPage(asked, describe_filters(error))
    except Unprocessable as error:
        name, _, problem = str(error).partition(":")
        return CallsPage(asked, f"{label_of(name)}:{problem}")
    found = list_calls(services, {}, query, place, query.limit + 1)
    calls, rest = found[: query.limit], found[query.limit :]
    marks = read_marks(services, [call.call_id for call in calls])
    return CallsPage(asked, "", calls, marks, write_cursor(_listing(), calls[-1]) if rest else None)


def is_call(services: Services, text: str) -> bool:
    """Tell whether a text is the id of a call."""
    return services.store.row(queries("console_calls")["exists"], {"call_id": text}) is not None


def _query_of(asked: Mapping[str, str]) -> CallsQuery:
    for name in ("since", "until"):
        if name in asked and moment_of(asked[name]) is None:
            raise Unprocessable(is_no(name, asked[name], NO_MOMENT))
    return CallsQuery.model_validate({"limit": CALLS_A_PAGE, **asked})


def _listing() -> Listing:
    return next(operation for operation in OPERATIONS if isinstance(operation, Listing))


def _in_utc(written: str) -> str:
    moment = moment_of(written)
    return moment.isoformat() if moment else written
