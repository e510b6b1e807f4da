"""How the API is asked: times, texts and limits at the border, and the document that is made of it all."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError
from werkzeug.datastructures import MultiDict

from console.api.calls import CallsQuery
from console.api.cursors import MOMENT, MOMENT_IF_ANY, Cursor
from console.api.openapi import STREAMS, document, parameters
from console.api.operations import Query, read_query
from console.api.routes import OPERATIONS
from console.errors import Unprocessable, describe

DOCUMENT = document(OPERATIONS, STREAMS)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-23T09:00:00Z", "2026-11-23T09:00:00+00:00"),
        ("2026-11-23T09:00:00+01:00", "2026-11-23T08:00:00+00:00"),
        ("2026-11-23T09:00:00.123456-16:00", "2026-11-24T01:00:00.123456+00:00"),
        ("2026-11-23", "2026-11-23T00:00:00+00:00"),
        ("2026-11-23T09:00", "2026-11-23T09:00:00+00:00"),
        ("2026-11-23 09:00:00.5", "2026-11-23T09:00:00.500000+00:00"),
    ],
)
def test_a_time_is_taken_in_any_zone(written: str, meant: str):
    """It is turned into UTC; without a zone it is UTC already, and without a time of day the day's beginning."""
    since = CallsQuery.model_validate({"since": written}).since
    assert since is not None
    assert since.isoformat() == meant


@pytest.mark.parametrize(
    "written", ["0", "1e9", "20261123", "2026-11-31", "0001-01-01T00:00:00+01:00", "now", "2h", "", "12:00"]
)
def test_what_is_no_moment_is_refused(written: str):
    """A number, a time before now, a time without a date, and what is out of the calendar."""
    with pytest.raises(ValidationError) as refused:
        CallsQuery.model_validate({"since": written})
    assert describe(refused.value).startswith("since: ")


@pytest.mark.parametrize("name", ["status", "search", "team_id"])
@pytest.mark.parametrize("text", ["", "a\0b", "x" * 501])
def test_what_is_no_text_is_refused(name: str, text: str):
    """An empty one, one that no database holds, and one that is longer than anything looked for."""
    with pytest.raises(ValidationError):
        CallsQuery.model_validate({name: text})


def test_a_refusal_does_not_repeat_what_was_sent():
    """The error names the parameter and not its value."""
    with pytest.raises(ValidationError) as refused:
        CallsQuery.model_validate({"limit": "a-value-of-theirs", "status": "b\0c"})
    assert describe(refused.value).startswith("limit: ")
    assert "a-value-of-theirs" not in describe(refused.value)


@pytest.mark.parametrize(
    ("kind", "asked", "words"),
    [
        (CallsQuery, [("bogus", "1")], "unknown parameter 'bogus'; known are limit, cursor, format, status, "),
        (Query, [("bogus", "1")], "unknown parameter 'bogus'; none is known here"),
        (CallsQuery, [("limit", "1"), ("limit", "2")], "limit: is given more than once"),
    ],
)
def test_each_parameter_is_known_and_given_once(kind, asked, words):
    """Else a filter would be thought to work that does not."""
    with pytest.raises(Unprocessable) as refused:
        read_query(kind, MultiDict(asked))
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize(
    "query", [declared.query for declared in OPERATIONS if "since" in getattr(declared, "query", Query).model_fields]
)
def test_a_period_that_ends_before_it_begins_is_refused(query: type[Query]):
    """By every operation that is asked about a period; one of a single moment is none of these."""
    with pytest.raises(ValidationError) as refused:
        query.model_validate({"since": "2026-11-24", "until": "2026-11-23"})
    assert describe(refused.value) == "since: is later than until"
    query.model_validate({"since": "2026-11-24", "until": "2026-11-24"})


@pytest.mark.parametrize("year", [1, 1969, 1970, 5138, 5139, 9999])
@pytest.mark.parametrize("part", [MOMENT, MOMENT_IF_ANY])
def test_a_cursor_takes_back_every_moment_of_the_calendar(part, year):
    """Whatever time a call has, the listing reads the cursor that it has given."""
    cursor, place = Cursor(part), (datetime(year, 12, 31, 23, 59, 59, 999_999, UTC),)
    assert cursor.read(cursor.write(place)) == place


@pytest.mark.parametrize("text", ["9" * 18, "-" + "9" * 18])
def test_a_cursor_beyond_the_calendar_stands_for_its_end(text):
    """Every text of the documented pattern is a place."""
    assert Cursor(MOMENT).read(text)[0].year in (1, 9999)


def test_every_operation_names_its_problems():
    """Each can be refused, and each with an id in its path may find nothing there."""
    for path, item in DOCUMENT["paths"].items():
        for operation in item.values():
            assert {"200", "401", "422", "503"} <= set(operation["responses"])
            assert ("404" in operation["responses"]) == ("{" in path)


def test_operations_have_names_of_their_own():
    """No two operations share an id."""
    names = [operation["operationId"] for item in DOCUMENT["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names)) > 15


def test_every_reference_leads_somewhere():
    """Each schema that is referred to is in the document."""
    schemas = DOCUMENT["components"]["schemas"]
    assert referred(DOCUMENT) <= {f"#/components/schemas/{name}" for name in schemas}


def referred(part: object) -> set[str]:
    """Find all references in a part of the document."""
    if isinstance(part, dict):
        own = {part["$ref"]} if "$ref" in part else set()
        return own.union(*map(referred, part.values()))
    return set().union(*map(referred, part)) if isinstance(part, list | tuple) else set()


def test_no_parameter_may_be_null():
    """What can be left out of a query is described by its value alone: a query knows no null."""
    for one in parameters(CallsQuery, "/api/calls"):
        assert "null" not in str(one["schema"])
        assert not one["required"]


def test_streams_are_described():
    """They send events, and are asked from where to go on."""
    stream = DOCUMENT["paths"]["/api/calls/{call_id}/stream"]["get"]
    assert list(stream["responses"]["200"]["content"]) == ["text/event-stream"]
    assert {"call_id", "after", "Last-Event-ID"} == {one["name"] for one in stream["parameters"]}


def test_nothing_personal_is_described():
    """No schema has a field for what the API never gives."""
    fields = {name for schema in DOCUMENT["components"]["schemas"].values() for name in schema.get("properties", ())}
    assert not fields & {"user_number", "metadata", "overrides", "structured_data", "recording", "body", "details"}
