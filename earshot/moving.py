"""Events of one day, told as if they had happened on another: every time in them is moved. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

MOMENTS = ("timestamp", "timestampMs")
DATES = ("startAt", "endAt")


def moved(part: Any, later: timedelta) -> Any:
    """Copy an event, or a part of it, with every time in it that much later."""
    if isinstance(part, list):
        return [moved(item, later) for item in part]
    if not isinstance(part, dict):
        return part
    return {name: _moved(name, value, later) for name, value in part.items()}


def _moved(name: str, value: Any, later: timedelta) -> Any:
    if name in MOMENTS and isinstance(value, int):
        return value + later // timedelta(milliseconds=1)
    if name in DATES and isinstance(value, str):
        return (datetime.fromisoformat(value).astimezone(UTC) + later).isoformat().replace("+00:00", "Z")
    return moved(value, later)
