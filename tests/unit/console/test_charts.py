"""Charts of lines, bars and histograms: gaps, labels that do not cover each other, and turns that all are somewhere."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.charts.bars import Bar, draw_bars
from console.charts.frames import write_value
from console.charts.histograms import Bin, draw_histogram, share_ends
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


def growing(low: float, *turns: int) -> list[Bin]:
    """Build buckets as turns are counted in: each 5 % wider than the one before."""
    return [Bin(low * 1.05**place, low * 1.05 ** (place + 1), count) for place, count in enumerate(turns)]


def test_every_bar_is_a_bucket_with_its_whole_turns():
    """Nothing is shared out: a bar says between which durations turns were counted, and how many there were."""
    wide, _ = draw_histogram([Bin(1000, 1050, 1), Bin(1050, 1102.5, 3)], 3000, write_value)
    assert [column.title for column in wide.columns] == ["1,000 to 1,050 ms: 1 turn", "1,050 to 1,102 ms: 3 turns"]
    assert [tick.label for tick in wide.values] == ["0", "1", "2", "3"]


def test_bars_of_buckets_that_widen_are_of_one_width():
    """The axis widens as they do, so that no bar looks larger than its turns."""
    wide, _ = draw_histogram(growing(200, *[1] * 40), 3000, write_value)
    widths = [column.width for column in wide.columns]
    assert max(widths) - min(widths) <= 0.25


@given(st.lists(st.integers(0, 999), max_size=120), st.floats(0, 1e4), st.integers(min_value=1, max_value=600_000))
def test_no_turn_is_lost_between_bins(turns, low, slow_ms):
    """Whatever the bins: all turns are in the chart, every bar on its sheet, and no duration is marked twice."""
    bins = growing(low, *turns)
    assert sum(part.turns for part in share_ends(bins)) == sum(turns)
    for chart in draw_histogram(bins, slow_ms, write_value):
        assert all(chart.frame.left <= column.x < chart.frame.right for column in chart.columns)
        assert all(column.x + column.width <= chart.frame.right + 0.5 for column in chart.columns)
        assert len({tick.place for tick in chart.durations}) == len(chart.durations) <= chart.frame.most_moments


def test_a_few_endless_turns_share_the_last_bar():
    """Turns of minutes do not press a thousand ordinary ones into a needle."""
    bins = [Bin(900, 945, 1000), Bin(60_000, 63_000, 2), Bin(900_000, 945_000, 1)]
    wide, _ = draw_histogram(bins, 3000, write_value)
    assert [column.title for column in wide.columns] == ["900 to 945 ms: 1,000 turns", "60,000 ms and longer: 3 turns"]


def test_turns_of_no_time_and_less_share_the_first_bar():
    """Clocks of two machines make some latencies negative, and no axis that widens has a place for them."""
    bins = [Bin(-1050, -1000, 1), Bin(0, 0, 2), Bin(0, 1, 1), Bin(900, 945, 5)]
    wide, _ = draw_histogram(bins, 3000, write_value)
    assert [column.title for column in wide.columns] == ["less than 10 ms: 4 turns", "900 to 945 ms: 5 turns"]


def test_slow_turns_are_marked():
    """The line stands where slow begins, and the bars behind it are of another colour."""
    wide, _ = draw_histogram([Bin(1900, 2000, 10), Bin(2000, 2100, 10)], 2000, write_value)
    assert [column.is_slow for column in wide.columns] == [False, True]
    assert wide.slow_x == wide.columns[1].x


def test_a_histogram_of_nothing_can_be_drawn():
    """It has no bars."""
    assert draw_histogram([], 3000, write_value)[0].columns == ()
