"""The stretches of time that the points of a chart stand for, and how they are written. Pure."""

from datetime import UTC, datetime

from console.pages.ranges import GRAINS, Grain, TimeRange


def stretch_at(key: str, grain: Grain) -> TimeRange:
    """Give the hour or the day that begins at a moment, as the API writes it."""
    since = datetime.fromisoformat(key).astimezone(UTC)
    return TimeRange("", since, since + GRAINS[grain])


def stretch_words(stretch: TimeRange, grain: Grain) -> str:
    """Write an hour or a day: "Mon 23 Nov, 14:00 to 15:00"."""
    day = f"{stretch.since:%a} {stretch.since.day} {stretch.since:%b}"
    return day if grain == "day" else f"{day}, {stretch.since:%H:%M} to {stretch.until:%H:%M}"
