"""The figures behind an alert, with their units. Pure."""

import json
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from console.pages.formatting import DAY, HOUR, MINUTE, duration, words_of

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
# For programs: people are told by the name of the rule, and by the confidence.
_UNTOLD = frozenset({"kind", "score"})


def figures_of(detail: Mapping[str, JsonValue] | None) -> Sequence[tuple[str, str]]:
    """List the figures behind an alert, each with its name, where no sentence tells them."""
    told = {name: value for name, value in (detail or {}).items() if value is not None and name not in _UNTOLD}
    values = written(told)
    return [(_name(name), values[name]) for name in sorted(told, key=_place)]


def written(detail: Mapping[str, JsonValue]) -> dict[str, str]:
    """Write figures with their units, by name."""
    shares = {*_SHARES, *(["threshold"] if detail.keys() & {*_SHARES} else [])}
    return {name: _value(name, value, is_share=name in shares) for name, value in detail.items()}


def span(seconds: float) -> str:
    """Write a length of time without what is nought: "17 s", "5 min", "1 h 5 min 10 s"."""
    days, rest = divmod(round(seconds), DAY)
    hours, rest = divmod(rest, HOUR)
    parts = ((days, "d"), (hours, "h"), (rest // MINUTE, "min"), (rest % MINUTE, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


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
    if name.endswith("_ms"):
        return duration(value)
    if name.endswith("seconds"):
        return span(value)
    if name == "percentile":
        return f"{value * 100:g}"
    return f"{value * 100:.3g} %" if is_share else f"{value:,.6g}"
