"""The stretches of time that the points of a chart stand for, and how they are written. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

from console.charts.lines import Point
from console.pages.ranges import GRAINS, Grain, TimeRange

# An axis that is empty for longer shows its points at one end, where nobody can tell them apart.
EMPTY_SHARE = 0.75
FEWEST_GRAINS = 6


def stretch_at(key: str, grain: Grain) -> TimeRange:
    """Give the hour or the day that begins at a moment, as the API writes it."""
    since = datetime.fromisoformat(key).astimezone(UTC)
    return TimeRange("", since, since + GRAINS[grain])


def stretch_words(stretch: TimeRange, grain: Grain) -> str:
    """Write an hour or a day: "Mon 23 Nov, 14:00 to 15:00"."""
    day = f"{stretch.since:%a} {stretch.since.day} {stretch.since:%b}"
    return day if grain == "day" else f"{day}, {stretch.since:%H:%M} to {stretch.until:%H:%M}"


def axis_of(points: Sequence[Point], stretch: TimeRange, grain: Grain) -> tuple[datetime, datetime]:
    """Tell from when to when an axis reaches: all of a stretch, and of its points where these reach beyond it.

    Where nothing is known of the first three quarters, it begins with the first point.
    """
    since = min([stretch.since, *(point.since for point in points)])
    until = max([stretch.until, *(point.until for point in points)])
    first = min((point.since for point in points), default=since)
    if first - since < (until - since) * EMPTY_SHARE:
        return since, until
    return max(since, min(first, until - FEWEST_GRAINS * GRAINS[grain])), until
