"""The named statements, and their agreement with the columns that the code knows."""

import re
from importlib.resources import files

import pytest

from shared.queries import queries
from workers.absorption import BOOKKEEPING, Table
from workers.calls import COLUMNS
from workers.interruptions import InterruptionsTable
from workers.lifecycle import INCIDENT_NAMES, STATUS_NAMES
from workers.metrics import MetricsTable
from workers.transcripts import MessagesTable

TOPICS = sorted(path.name.removesuffix(".sql") for path in files("shared").joinpath("sql/queries").iterdir())
TABLES = (MessagesTable(), MetricsTable(), InterruptionsTable())
_PARAMETER = re.compile(r"%\((\w+)\)[sb]")


def _parameters(statement: str) -> set[str]:
    return set(_PARAMETER.findall(statement))


def _inserted(statement: str) -> list[str]:
    found = re.search(r"insert into \w+ \(([^)]*)\)", statement)
    assert found
    return [name.strip() for name in found[1].split(",")]


def _updated(statement: str) -> set[str]:
    return set(re.findall(r"^    (\w+) = (?:excluded|row)\.", statement, re.MULTILINE))


def _selected(statement: str) -> set[str]:
    found = re.search(r"^select\s(.*?)\sfrom ", statement, re.MULTILINE | re.DOTALL)
    assert found
    return {name.strip() for name in found[1].split(",")}


@pytest.mark.parametrize("topic", TOPICS)
def test_every_statement_has_a_name_and_a_text(topic: str):
    """A topic's file falls apart into its statements."""
    assert queries(topic)
    assert all(statement and "-- name" not in statement for statement in queries(topic).values())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.topic)
def test_columns_of_a_stage(table: Table):
    """What a stage's code knows of its rows is what its statements save, update and load."""
    names = [*table.key_names, *table.column_names, *BOOKKEEPING]
    saved = queries(table.topic)["save"]
    assert _inserted(saved) == names
    assert _parameters(saved) == set(names)
    assert _updated(saved) == {*table.column_names, *BOOKKEEPING}
    loaded = _selected(queries(table.topic)["load"])
    assert {*table.key_names, *BOOKKEEPING, *table.to_cells(dict.fromkeys(table.column_names))} <= loaded


def test_columns_of_calls():
    """What the code knows of a call is what its statements lock and save."""
    assert _selected(queries("calls")["lock"]) == {"call_id", *COLUMNS, "version", "field_versions"}
    assert _updated(queries("calls")["save"]) == {*COLUMNS, "version", "field_versions"}
    assert _parameters(queries("calls")["save"]) == {"call_id", *COLUMNS, "version", "field_versions"}


@pytest.mark.parametrize(
    ("topic", "name", "columns"),
    [
        ("calls", "save_statuses", STATUS_NAMES),
        ("calls", "save_incidents", INCIDENT_NAMES),
        ("rebuild", "retell_statuses", STATUS_NAMES),
        ("rebuild", "retell_incidents", INCIDENT_NAMES),
    ],
)
def test_columns_of_the_lifecycle(topic: str, name: str, columns: tuple[str, ...]):
    """What the lifecycle's code knows of its rows is what its statements save."""
    assert _inserted(queries(topic)[name]) == list(columns)
    assert _parameters(queries(topic)[name]) == set(columns)


def test_incident_that_is_told_again_takes_every_column():
    """All but the key is what the incident says now."""
    assert _updated(queries("rebuild")["retell_incidents"]) == set(INCIDENT_NAMES) - {"call_id", "incident_id"}
