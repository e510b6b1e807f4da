"""The page on the API names what there is: each path, its parameters, and its limits."""

import re
from pathlib import Path

from console.api.openapi import STREAMS, document
from console.api.replays import LONGEST_SECONDS, MOST_AT_ONCE
from console.api.routes import OPERATIONS

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "api.md").read_text()
PATHS = document(OPERATIONS, STREAMS)["paths"]
OF_EVERY_LISTING = {"limit", "cursor", "format"}


def rows() -> dict[str, str]:
    """Read the rows of the page's tables whose first cell is a path."""
    return dict(re.findall(r"^\| `(/api/[^`]*)` \|(.*)\|$", PAGE, re.MULTILINE))


def test_every_path_is_told():
    """The tables have the paths that are read, but for those of one thing; these, and what is posted, have sections."""
    posted = {path for path, item in PATHS.items() if "post" in item}
    of_one = {"/api/calls/{call_id}", "/api/events/{event_id}"}
    assert set(rows()) | of_one == {path for path, item in PATHS.items() if "get" in item}
    assert all(f"`{path}`:" in PAGE for path in of_one)
    assert all(f"\n## POST {path}\n" in PAGE for path in posted)


def test_every_filter_is_told():
    """A path's row names the parameters of its query, and no other."""
    for path, row in rows().items():
        if path not in STREAMS:
            asked = {one["name"] for one in PATHS[path]["get"]["parameters"] if one["in"] == "query"}
            told = set(re.findall(r"`(\w+)`", row.split("|")[1]))
            assert (path, told) == (path, asked - OF_EVERY_LISTING)


def test_the_limits_of_a_replay_are_told():
    """The page has the numbers that the program has."""
    for limit in (*MOST_AT_ONCE.values(), LONGEST_SECONDS):
        assert f"{limit:,.0f}" in PAGE
