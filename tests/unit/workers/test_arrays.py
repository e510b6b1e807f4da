"""How rows travel to PostgreSQL."""

import pytest

from workers.arrays import arrays, as_json_literal, as_version_literal
from workers.records import Version


def test_rows_become_columns():
    """Rows become one array a column; what a row lacks is null there, and what no column wants is left out."""
    assert arrays(["a", "b"], [{"a": 1, "c": 3}, {"b": 2}]) == {"a": [1, None], "b": [None, 2]}


def test_no_rows():
    """Without rows every column is empty."""
    assert arrays(["a"], []) == {"a": []}


@pytest.mark.parametrize(
    ("value", "literal"),
    [({"a": "\0"}, '{"a":"\ufffd"}'), ({}, None), (None, None), ({"v": Version(1, 2, 3, -4)}, '{"v":[1,2,3,-4]}')],
)
def test_json(value: object, literal: str | None):
    """A value is written as jsonb takes it; nothing stays null."""
    assert as_json_literal(value) == literal


def test_version():
    """A version is written as an array of its four numbers."""
    assert as_version_literal(Version(1, 2, 3, -4)) == "{1,2,3,-4}"
