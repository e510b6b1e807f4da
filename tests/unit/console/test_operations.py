"""How the API is asked: times, texts and limits at the border, and the document that is made of it all."""

import pytest
from pydantic import ValidationError

from console.api.calls import CallsQuery
from console.api.openapi import STREAMS, document, parameters
from console.api.routes import OPERATIONS
from console.errors import describe

DOCUMENT = document(OPERATIONS, STREAMS)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-23T09:00:00Z", "2026-11-23T09:00:00+00:00"),
        ("2026-11-23T09:00:00+01:00", "2026-11-23T08:00:00+00:00"),
        ("2026-11-23T09:00:00.123456-16:00", "2026-11-24T01:00:00.123456+00:00"),
    ],
)
def test_a_time_is_taken_in_any_zone(written: str, meant: str):
    """It is turned into UTC."""
    since = CallsQuery.model_validate({"since": written}).since
    assert since is not None
    assert since.isoformat() == meant


@pytest.mark.parametrize(
    "written", ["0", "1e9", "2026-11-23", "2026-11-23T09:00:00", "0001-01-01T00:00:00+01:00", "now", "", "12:00"]
)
def test_what_is_no_moment_is_refused(written: str):
    """A number, a date without a time, a time without a zone, and what is out of the calendar."""
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
