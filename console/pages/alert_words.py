"""How an alert stands, in words, and which comes first. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from console.pages.formatting import DAY, HOUR, MINUTE

SEVERITIES: Mapping[str, str] = {"critical": "critical", "warning": "warning", "info": "info"}


class Told(Protocol):
    """What is known of an alert."""

    @property
    def severity(self) -> str: ...
    @property
    def began_at(self) -> datetime: ...
    @property
    def raised_at(self) -> datetime: ...
    @property
    def clear_since(self) -> datetime | None: ...
    @property
    def resolved_at(self) -> datetime | None: ...


def standing(alert: Told, now: datetime) -> str:
    """Say whether an alert is open, and for how long: "open for 12 min", "over, lasted 34 s"."""
    if alert.resolved_at == alert.raised_at:
        return "over when it was found"
    if alert.resolved_at is not None:
        return f"over, lasted {_length(alert.resolved_at - alert.began_at)}"
    told = f"open for {_length(now - alert.began_at)}"
    return told if alert.clear_since is None else f"{told}, clear for {_length(now - alert.clear_since)}"


def by_urgency(alert: Told) -> tuple[int, float]:
    """Order alerts: the severest in front, and of these the one raised last."""
    severities = list(SEVERITIES)
    rank = severities.index(alert.severity) if alert.severity in severities else len(severities)
    return rank, -alert.raised_at.timestamp()


def _length(span: timedelta) -> str:
    """Write a length of time without what nobody needs to know: "34 s", "12 min", "1 h 15 min", "2 d 3 h"."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < DAY:
        return f"{seconds // HOUR} h {seconds % HOUR // MINUTE:02} min"
    return f"{seconds // DAY} d {seconds % DAY // HOUR} h"
