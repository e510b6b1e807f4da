"""The rows of sentiments, as they are laid out from texts and from what stands."""

from itertools import permutations
from typing import Any

import msgspec
import pytest

from tests.scorers import CountingScorer
from workers.sentiment import SentimentsTable


def _row(scorer: str, digest: str = "d") -> dict[str, Any]:
    mood = {"label": scorer, "score": None, "confidence": None, "scorer": scorer}
    return {**mood, "text_digest": digest, "spoken_at": None, "version": [1]}


def _read(table: SentimentsTable, **message: Any) -> dict[Any, dict[str, Any]]:
    content = table.read_content(msgspec.Raw(msgspec.json.encode(message)))
    return {key: dict(row) for key, row in content.rows.items()}


def test_mood_of_the_present_scorer_goes_before_anothers():
    """Where rows with the same text have scores of several versions, and no text is told, the present one's counts."""
    for order in permutations([_row("counting/1"), _row("counting/2"), _row("counting/3")]):
        table = SentimentsTable(CountingScorer("2"))
        cells = [table.to_cells(row) for row in order]
        assert [table.to_columns(one)["scorer"] for one in cells] == ["counting/2"] * 3


def test_cells_are_which_text_and_when():
    """The mood is no cell: it derives from the text, and two scorers never merge."""
    assert set(SentimentsTable(CountingScorer()).to_cells(_row("x/1"))) == {"text_digest", "spoken_at"}


def test_same_text_has_the_same_digest():
    """Two messages with the same text share a digest, and with it the mood."""
    table = SentimentsTable(scorer := CountingScorer())
    rows = [_read(table, messageId=name, role="user", text="No!")[(name,)] for name in ("user-1", "user-2")]
    assert [table.to_columns(row)["label"] for row in rows] == ["negative", "negative"]
    assert scorer.asked == {"No!": 1}


@pytest.mark.parametrize("message", [{"role": "assistant", "text": "A"}, {"text": "A"}, {"role": "user"}, {}])
def test_no_row(message: dict[str, str]):
    """What is not known to be a user's, or says nothing, has no row."""
    assert _read(SentimentsTable(CountingScorer()), messageId="m", **message) == {}
