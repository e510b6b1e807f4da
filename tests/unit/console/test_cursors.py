"""Cursors: every place comes back as it was, and every other text is refused."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.api.cursors import BIGINT, INTEGER, MOMENT, MOMENT_IF_ANY, SCORE, STAGE, TEXT, BadCursor, Cursor
from shared.jobs import OUT_OF_REACH_SECONDS

MOMENTS = st.datetimes(timezones=st.just(UTC))
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=300)
SCORES = st.datetimes(datetime(2020, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: OUT_OF_REACH_SECONDS + moment.timestamp()
)


@given(MOMENTS | st.none(), st.integers(-(10**8), 10**8), TEXTS)
def test_a_place_comes_back_as_it_was(moment: datetime | None, number: int, text: str):
    """Times to the microsecond, or none; numbers; and texts of any characters, dots and line breaks among them."""
    cursor = Cursor(MOMENT_IF_ANY, INTEGER, TEXT)
    assert cursor.read(cursor.write((moment, number, text))) == (moment, number, text)


@given(SCORES)
def test_the_score_of_a_dead_letter_comes_back_to_the_bit(score: float):
    """Between two jobs that failed microseconds apart nothing is blurred."""
    cursor = Cursor(SCORE, STAGE, TEXT)
    assert cursor.read(cursor.write((score, "metrics", "e-metrics"))) == (score, "metrics", "e-metrics")


def test_the_score_of_a_job_without_a_time_comes_back_too():
    """That of a job that somebody else's worker failed at is -1."""
    assert Cursor(SCORE).read(Cursor(SCORE).write((-1.0,))) == (-1.0,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "x",
        "1",
        "1.",
        "1.1",
        "1.1.",
        ".1.a\0",
        "1.1e3.a",
        "1.1.a\0",
        "--1.1.a",
        " 1.1.a",
        "9" * 19 + ".1.a",
        "١.1.a",
    ],
)
def test_another_text_is_no_cursor(text: str):
    """What is not written like a place is refused, however close."""
    with pytest.raises(BadCursor):
        Cursor(MOMENT, INTEGER, TEXT).read(text)


@given(
    st.from_regex(Cursor(MOMENT_IF_ANY, INTEGER, TEXT).pattern, fullmatch=True).filter(lambda text: len(text) < 1000)
)
def test_every_text_of_the_pattern_is_a_cursor(text: str):
    """The documented pattern is the whole truth."""
    moment, number, _ = Cursor(MOMENT_IF_ANY, INTEGER, TEXT).read(text)
    assert moment is None or moment.tzinfo is UTC
    assert abs(number) < 10**9


def test_large_numbers_fit():
    """The number of a run may be as large as PostgreSQL counts."""
    assert Cursor(BIGINT).read("9" * 18) == (10**18 - 1,)
