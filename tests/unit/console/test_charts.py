"""Charts of lines, bars and histograms: gaps, labels that do not cover each other, and turns that all are somewhere."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.charts.bars import Bar, draw_bars
from console.charts.histograms import Bin, draw_histogram, even_bins
from console.charts.lines import MOST_CIRCLES, Plot, Point, draw_lines, spread

START = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def point(hour: int, *values: float | None) -> Point:
    """Build the point of an hour."""
    since = START + hour * HOUR
    return Point(since, since + HOUR, values, f"hour {hour}", f"/calls?hour={hour}")


def plot(*points: Point, hours: int = 24, names: tuple[str, ...] = ("p50",)) -> Plot:
    """Build what a chart is made from."""
    return Plot(names, points, START, START + hours * HOUR)


def test_a_line_is_broken_where_there_is_nothing():
    """Hours without turns are a gap and not a straight line across them."""
    wide, _ = draw_lines(plot(point(0, 10), point(1, 20), point(4, 10), point(5, 10)))
    assert [wide.lines[0].path.count(step) for step in "ML"] == [2, 2]


def test_a_line_without_a_value_in_an_hour_is_broken_there_alone():
    """Another line of the same chart goes on."""
    points = (point(0, 1, 5), point(1, None, 5), point(2, 1, 5))
    wide, _ = draw_lines(plot(*points, names=("p50", "p99")))
    assert [line.path.count("M") for line in wide.lines] == [2, 1]


def test_few_points_are_circles_and_many_are_not():
    """A week by the hour stays a line; an hour that stands alone is a circle, for else it were not seen."""
    few, _ = draw_lines(plot(point(0, 1), point(1, 2)))
    assert [len(column.circles) for column in few.columns] == [1, 1]
    many, _ = draw_lines(plot(*(point(hour, 1) for hour in range(MOST_CIRCLES + 1)), point(100, 1), hours=168))
    assert [len(column.circles) for column in many.columns] == [0] * (MOST_CIRCLES + 1) + [1]


def test_each_point_leads_to_what_is_behind_it():
    """Its strip is as wide as its time, tells of it and leads on."""
    wide, _ = draw_lines(plot(point(6, 10), hours=12))
    (column,) = wide.columns
    frame = wide.frame
    assert column.x == (frame.left + frame.right) / 2
    assert column.width == pytest.approx((frame.right - frame.left) / 12, abs=0.1)
    assert (column.title, column.href) == ("hour 6", "/calls?hour=6")


def test_strips_too_narrow_for_a_finger_are_no_links():
    """A week by the hour has links on a wide sheet, and none on a phone's."""
    wide, narrow = draw_lines(plot(*(point(hour, 1) for hour in range(168)), hours=168))
    assert (wide.are_links, narrow.are_links) == (True, False)


def test_a_chart_of_nothing_has_axes():
    """No points: no path, no labels of lines, and the axes."""
    wide, _ = draw_lines(plot())
    assert (wide.lines[0].path, wide.lines[0].label_y, wide.columns) == ("", None, ())
    assert len(wide.values) == 2
    assert wide.moments


@given(st.lists(st.one_of(st.none(), st.floats(min_value=0, max_value=200)), max_size=8))
def test_labels_do_not_cover_each_other(places):
    """However near the lines end to each other, their names are apart, in the same order, and on the sheet."""
    moved = spread(places, 15, (0, 200))
    assert [place is None for place in moved] == [place is None for place in places]
    found = sorted(place for place in moved if place is not None)
    assert all(later - earlier >= 14.8 for earlier, later in pairwise(found))
    assert all(-0.1 <= place <= 200.1 for place in found)


def test_bars_are_to_one_scale():
    """The longest fills its cell; what has no figures has no bar, what is negative none to be seen."""
    bars = draw_bars([(50, 200), (None, None), (-20, 100)])
    assert bars == (Bar(25, 100), None, Bar(0, 50))


def test_a_high_value_is_never_drawn_shorter_than_the_usual_one():
    """Estimates of the two may cross by a little."""
    assert draw_bars([(100, 99)]) == (Bar(100, 100),)


def test_bins_are_of_one_round_width():
    """Turns of uneven bins are shared out by how much of them lies in each even one."""
    even = even_bins([Bin(0, 100, 10), Bin(100, 300, 40), Bin(300, 1000, 7)], slow_ms=1000)
    assert {part.high - part.low for part in even} == {50}
    assert [round(part.turns, 3) for part in even[:6]] == [5, 5, 10, 10, 10, 10]


@given(
    st.lists(
        st.tuples(st.floats(min_value=0, max_value=1e5), st.floats(min_value=0.01, max_value=1e5), st.integers(1, 999)),
        max_size=30,
    ),
    st.booleans(),
    st.integers(min_value=1, max_value=600_000),
)
def test_no_turn_is_lost_between_bins(parts, is_open, slow_ms):
    """Whatever the bins: all turns are in the chart, and it has about forty bars."""
    bins = sorted((Bin(low, low + width, turns) for low, width, turns in parts), key=lambda part: part.low)
    if bins and is_open:
        bins[-1] = Bin(bins[-1].low, None, bins[-1].turns)
    even = even_bins(bins, slow_ms)
    assert sum(part.turns for part in even) == pytest.approx(sum(part.turns for part in bins))
    assert len(even) <= 41


def test_a_few_endless_turns_share_the_last_bar():
    """One turn of a minute does not press a thousand ordinary ones into a needle."""
    wide, _ = draw_histogram([Bin(900, 1000, 1000), Bin(60_000, 61_000, 1)], slow_ms=3000)
    assert wide.columns[-1].title == "3,000 ms and longer: 1 turn"


def test_slow_turns_are_marked():
    """The line stands where slow begins, and the bars behind it are of another colour."""
    wide, _ = draw_histogram([Bin(0, 2000, 10), Bin(2000, 4000, 10)], slow_ms=2000)
    assert wide.slow_x == (wide.frame.left + wide.frame.right) / 2
    assert [column.is_slow for column in wide.columns] == [False] * 20 + [True] * 20


def test_a_histogram_of_nothing_can_be_drawn():
    """It has no bars."""
    assert draw_histogram([], 3000)[0].columns == ()
