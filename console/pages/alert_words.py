"""An alert in words: how it stands, and the figures behind it. Pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from pydantic import JsonValue

from console.pages.formatting import DAY, HOUR, MINUTE, duration, words_of

SEVERITIES: Mapping[str, str] = {"critical": "critical", "warning": "warning", "info": "info"}
# What a rule measures as a share; its threshold is one then, too.
_SHARES = ("rate", "confidence")
# What was measured stands in front, then its limit, then what it was measured of.
_ORDER = ("label", "confidence", "rate", "latency_ms", "cost", "silent_seconds", "seconds", "percentile")
_LIMITS = ("threshold", "threshold_ms", "threshold_seconds")
_NAMES: Mapping[str, str] = {
    "label": "mood",
    "threshold": "limit",
    "threshold_ms": "limit",
    "threshold_seconds": "limit",
    "silent_seconds": "silent for",
    "window_seconds": "in the last",
    "seconds": "going on for",
}


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
    if alert.resolved_at is not None:
        return f"over, lasted {_length(alert.resolved_at - alert.began_at)}"
    told = f"open for {_length(now - alert.began_at)}"
    return told if alert.clear_since is None else f"{told}, clear for {_length(now - alert.clear_since)}"


def by_urgency(alert: Told) -> tuple[int, float]:
    """Order alerts: the severest in front, and of these the one raised last."""
    severities = list(SEVERITIES)
    rank = severities.index(alert.severity) if alert.severity in severities else len(severities)
    return rank, -alert.raised_at.timestamp()


def figures_of(detail: Mapping[str, JsonValue] | None) -> Sequence[tuple[str, str]]:
    """Write the figures behind an alert, each with its name."""
    told = detail or {}
    shares = {*_SHARES, "percentile", *(["threshold"] if told.keys() & {*_SHARES} else [])}
    known = [name for name in sorted(told, key=_place) if told[name] is not None]
    return [(_name(name), _value(name, told[name], is_share=name in shares)) for name in known]


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


def _place(name: str) -> tuple[int, str]:
    order = (*_ORDER, *_LIMITS)
    if name == "window_seconds":
        return len(order) + 1, ""
    return (order.index(name), "") if name in order else (len(order), name)


def _name(name: str) -> str:
    return _NAMES.get(name) or words_of(name.removesuffix("_ms").removesuffix("_seconds"))


def _value(name: str, value: JsonValue, *, is_share: bool) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return json.dumps(value, ensure_ascii=False)
    if name.endswith(("_ms", "seconds")):
        return duration(value * (1 if name.endswith("_ms") else 1000))
    return f"{value * 100:.3g} %" if is_share else f"{value:,.6g}"
