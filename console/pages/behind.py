"""Links from a figure to the calls behind it. Pure."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from console.pages.chart_filters import ChartFilters
from console.pages.ranges import TimeRange

_PARAMETERS = {"assistant": "assistant_id", "model": "llm_model"}


def calls_in(stretch: TimeRange, filters: ChartFilters, **more: str | bool | None) -> str:
    """Write the address of the list of the calls that began in a stretch of time and pass filters."""
    asked = {
        "since": write_moment(stretch.since),
        "until": write_moment(stretch.until),
        "assistant_id": filters.assistant_id,
        "llm_model": filters.llm_model,
        **more,
    }
    return f"/calls?{urlencode({name: 'true' if value is True else value for name, value in asked.items() if value})}"


def calls_of(key: str, by: str, filters: ChartFilters, **more: str | bool | None) -> str | None:
    """Write the address of the calls of an assistant or a model; None for those of which it was not told."""
    return calls_in(filters.stretch, filters, **{_PARAMETERS[by]: key}, **more) if key else None


def write_moment(moment: datetime) -> str:
    """Write a moment as the API and all pages read it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
