"""Values as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from console.pages import formatting

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("milliseconds", "written"),
    [
        (None, "–"),
        (0, "0 ms"),
        (-0.2, "0 ms"),
        (353.4, "353 ms"),
        (-12, "−12 ms"),
        (999.6, "1.0 s"),
        (2440, "2.4 s"),
        (59_960, "1 min 00 s"),
        (200_000, "3 min 20 s"),
        (3_900_000, "1 h 05 min"),
        (-61_000, "−1 min 01 s"),
    ],
)
def test_a_duration_is_written_in_the_unit_that_fits(milliseconds, written):
    """No unit shows more than two figures that nobody compares, and none rounds up to its end."""
    assert formatting.duration(milliseconds) == written


@pytest.mark.parametrize(
    ("milliseconds", "written"),
    [(None, "–"), (353, "0.4 s"), (-353, "−0.4 s"), (3913, "3.9 s"), (61_000, "1 min 01 s")],
)
def test_totals_are_written_in_seconds(milliseconds, written):
    """Totals stand below each other in one unit."""
    assert formatting.seconds(milliseconds) == written


@pytest.mark.parametrize(
    ("milliseconds", "written"), [(None, "–"), (-5, "0 s"), (34_200, "34 s"), (72_000, "1 min 12 s")]
)
def test_how_long_a_call_lasts_is_written_in_whole_seconds(milliseconds, written):
    """A figure that moves every second has no tenths."""
    assert formatting.lasted(milliseconds) == written


@pytest.mark.parametrize(
    ("past", "written"),
    [
        (timedelta(seconds=-3), "just now"),
        (timedelta(seconds=4), "just now"),
        (timedelta(seconds=12), "12 s ago"),
        (timedelta(minutes=3, seconds=59), "3 min ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(days=29), "29 d ago"),
        (timedelta(days=31), "2 Feb 2026"),
        (timedelta(minutes=-10), "in 10 min"),
        (timedelta(days=-1), "6 Mar 2026"),
    ],
)
def test_a_moment_is_told_by_how_long_ago_it_was(past, written):
    """What is long ago, or far ahead, is told by its day; clocks that differ are seen."""
    assert formatting.ago(NOW - past, NOW) == written


@pytest.mark.parametrize(("past", "written"), [(timedelta(hours=2), "10:00 UTC"), (timedelta(hours=13), "4 Mar 2026")])
def test_a_moment_is_told_by_its_time_or_its_day(past, written):
    """Of another day than today, nobody asks for the minute."""
    assert formatting.coarse(NOW - past, NOW) == written


@pytest.mark.parametrize(
    ("ahead", "written"), [(timedelta(hours=2), "14:00 UTC"), (timedelta(hours=13), "6 Mar 2026, 01:00 UTC")]
)
def test_until_when_something_lasts_is_told_to_the_minute(ahead, written):
    """With the day, where it is another one than today."""
    assert formatting.deadline(NOW + ahead, NOW) == written


@pytest.mark.parametrize("moment", [None, datetime(1970, 1, 1, tzinfo=UTC)])
def test_a_time_that_was_never_told_is_called_that(moment):
    """1970 stands for none."""
    assert formatting.ago(moment, NOW) == "time not told"


@pytest.mark.parametrize(
    ("seconds", "written"), [(0.9, "0:00"), (14, "0:14"), (754, "12:34"), (3723, "1:02:03"), (-5, "−0:05")]
)
def test_the_place_in_a_call_is_written_as_players_do(seconds, written):
    """Minutes and seconds, hours where there are any."""
    assert formatting.offset(NOW + timedelta(seconds=seconds), NOW) == written


@pytest.mark.parametrize(
    ("amount", "written"), [(None, "–"), (0, "0.0000"), (0.0042, "0.0042"), (1234.5, "1,234.5000")]
)
def test_amounts_have_the_same_decimals(amount, written):
    """A tenth of a cent is not nothing, and amounts below each other compare."""
    assert formatting.money(amount) == written


def test_an_id_of_any_kind_is_one_part_of_an_address():
    """Slashes, quotes and line ends of an id do not end it."""
    assert formatting.call_path('a/"b\n?#') == "/calls/a%2F%22b%0A%3F%23"
    assert formatting.stream_path("a/b") == "/api/calls/a%2Fb/stream"


@pytest.mark.parametrize(
    ("text", "written"), [("a\n b", "a b"), ("abcdef", "abcd…"), ("x" * 10_000, "xxxx…"), ("abcde", "abcde")]
)
def test_what_nobody_reads_to_its_end_is_cut(text, written):
    """On one line, and no longer than said."""
    assert formatting.shortened(text, 5) == written


@pytest.mark.parametrize(("text", "written"), [("WC-1", "WC-1"), ("a3d01890-b3f2a1", "…b3f2a1")])
def test_two_ids_are_told_apart_by_their_ends(text, written):
    """A short one is written out."""
    assert formatting.id_end(text) == written


@pytest.mark.parametrize(("text", "fits"), [("2026-03-05T09:21", True), ("yesterday", False), ("2026-03-05", False)])
def test_a_field_of_date_and_time_takes_minutes(text, fits):
    """What it does not take would be shown as nothing."""
    assert formatting.is_minute(text) == fits


def test_the_platforms_names_become_words():
    """Camel case and underscores are for programs."""
    assert [formatting.words_of("llmVendorCost"), formatting.words_of("llm_error")] == ["llm vendor cost", "llm error"]


def test_exact_moments_are_in_utc():
    """Whatever zone a moment comes in."""
    moment = datetime.fromisoformat("2026-03-05T10:21:20.277+01:00")
    assert formatting.exact(moment) == "2026-03-05 09:21:20.277 UTC"
    assert [formatting.clock(moment), formatting.minute(moment)] == ["09:21:20", "2026-03-05T09:21"]
