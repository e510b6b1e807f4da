"""A finding: what was looked at, how it is, and what to do about it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's. `check` is stable, for scripts; `remedy` is empty where nothing is to be done."""

    check: str
    level: Level
    text: str
    remedy: str = ""


Check = Callable[[], Iterable[Finding]]


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", text)


def warning(check: str, text: str, remedy: str) -> Finding:
    """Nothing is lost or held up yet, but it is not as it should be."""
    return Finding(check, "warning", text, remedy)


def problem(check: str, text: str, remedy: str) -> Finding:
    """Events are lost, refused or held up, or will be when something else goes wrong."""
    return Finding(check, "problem", text, remedy)


def worst(findings: Sequence[Finding]) -> Level:
    """Name the worst level among the findings."""
    levels = {finding.level for finding in findings}
    return "problem" if "problem" in levels else "warning" if "warning" in levels else "ok"


def duration(seconds: float) -> str:
    """Write a length of time for people: 45 s, 12 min, 3 h, 5 days."""
    for unit, size in (("days", 172_800), ("h", 7200), ("min", 120)):
        if seconds >= size:
            per = {"days": 86_400, "h": 3600, "min": 60}[unit]
            return f"{seconds / per:.0f} {unit}"
    return f"{seconds:.0f} s"


def size(count: float) -> str:
    """Write a number of bytes for people."""
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:  # noqa: PLR2004 - what the units are made of
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
