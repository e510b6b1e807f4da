"""The cells of an export: what a spreadsheet shows, and does not run."""

from datetime import UTC, datetime

import pytest

from console.api.exports import _cell, _cells, _csv_text
from console.api.replays import Replay


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ("text", "text"),
        ("", ""),
        ("=1+1", "'=1+1"),
        ("+49 40", "'+49 40"),
        ("-1", "'-1"),
        ("@sum", "'@sum"),
        ("\t=1", "'\t=1"),
        (-1.5, "-1.5"),
        (True, "true"),
        ({"a": "ä"}, '{"a": "ä"}'),
        (["x"], '["x"]'),
    ],
)
def test_a_cell(value: object, cell: str):
    """Texts stand as they are, unless they begin as a formula does; numbers, truths and objects as in JSON."""
    assert _cell(value) == cell


def test_a_row_has_its_cells_in_the_order_of_the_heading():
    """Times are ISO 8601; quotes, commas and line breaks are quoted."""
    moment = datetime(2026, 11, 23, 9, tzinfo=UTC)
    run = Replay.model_construct(replay_id=1, started_at=moment, who='a "b", c\nd', filter={})
    assert _cells(run, ["who", "started_at", "replay_id", "filter"]) == [
        'a "b", c\nd',
        "2026-11-23T09:00:00Z",
        "1",
        "{}",
    ]
    assert _csv_text([['a "b", c\nd', "1"]]) == b'"a ""b"", c\nd",1\r\n'
