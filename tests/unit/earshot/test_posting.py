"""Reading what an ingest answers, and counting answers."""

from collections import Counter

import pytest

from earshot.errors import EarshotError
from earshot.posting import Answer, Poster, read_answer
from earshot.send import has_refusals


@pytest.mark.parametrize(
    ("code", "text", "answer"),
    [
        (202, b'{"event_id": "e", "status": "queued"}', Answer(202, "queued")),
        (401, b'{"error": "wrong secret"}', Answer(401, "wrong secret")),
        (502, b"<h1>Bad</h1>\n", Answer(502, "<h1>Bad</h1>")),
        (503, b"", Answer(503, "Service Unavailable")),
        (200, b"[]", Answer(200, "[]")),
    ],
)
def test_answers_are_read(code: int, text: bytes, answer: Answer) -> None:
    """The ingest's own words are taken; a proxy's are quoted."""
    assert answer == read_answer(code, text)


def test_only_refusals_count_as_failure() -> None:
    """A quarantined event was accepted; a 4xx or 5xx was not."""
    assert not has_refusals(Counter({(202, "queued"): 3, (202, "quarantined"): 1}))
    assert has_refusals(Counter({(202, "queued"): 3, (401, "wrong secret"): 1}))
    assert not has_refusals(Counter())


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x/y", "http://"])
def test_a_wrong_url_is_explained(url: str) -> None:
    """The message shows what a right one looks like."""
    with pytest.raises(EarshotError, match="is not the URL of an ingest, such as http://"):
        Poster(url, "secret")
