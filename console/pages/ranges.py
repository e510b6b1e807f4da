"""The stretch of time that a page of charts is about: one of a few presets, or from one moment to another. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from console.api.analytics_period import LONGEST_PERIOD
from console.errors import Unprocessable
from console.pages.labels import NO_MOMENT, is_no, label_of, moment_of

Grain = Literal["hour", "day"]

PRESETS = {"24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}
DEFAULT_PRESET = "7d"
GRAINS: Mapping[Grain, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}

_LENGTHS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
# Beyond this a chart by the hour has more points than pixels to spare.
_LONGEST_BY_HOUR = timedelta(days=8)
_HOUR = timedelta(hours=1)
# There were no calls before, and later ones cannot be counted on from.
_YEARS = range(1970, 9000)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From `since` to `until`; `preset` is empty where both were chosen."""

    preset: str
    since: datetime
    until: datetime

    @property
    def grain(self) -> Grain:
        """Whether a chart of it goes by the hour or by the day."""
        return "hour" if self.until - self.since <= _LONGEST_BY_HOUR else "day"


def read_range(asked: Mapping[str, str], now: datetime) -> TimeRange:
    """Read `range`, or `since` and `until`, of which one may be missing. Raises Unprocessable."""
    since, until = (_moment(asked, name) for name in ("since", "until"))
    if since is None and until is None:
        return _preset(asked.get("range") or DEFAULT_PRESET, now)
    end = until or now
    begin = since or end - _LENGTHS[DEFAULT_PRESET]
    if begin >= end:
        raise Unprocessable(f"{label_of('until')}: is not after “{label_of('since')}”")
    # Figures are kept by the hour; links to calls must lead to the same ones.
    chosen = TimeRange("", _hour_of(begin), _hour_after(end))
    if chosen.until - chosen.since > LONGEST_PERIOD:
        raise Unprocessable(f"{label_of('since')}: is more than {LONGEST_PERIOD.days} days before the end")
    return chosen


def _preset(name: str, now: datetime) -> TimeRange:
    if name not in _LENGTHS:
        raise Unprocessable(is_no("range", name, f"is none of {', '.join(_LENGTHS)}"))
    begin = _hour_of(now - _LENGTHS[name])
    if _LENGTHS[name] > _LONGEST_BY_HOUR:
        # The first point of a chart by the day is not to be half of one.
        begin = begin.replace(hour=0)
    return TimeRange(name, begin, _hour_after(now))


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _hour_after(moment: datetime) -> datetime:
    hour = _hour_of(moment)
    return hour if hour == moment else hour + _HOUR


def _moment(asked: Mapping[str, str], name: str) -> datetime | None:
    written = asked.get(name, "").strip()
    if not written:
        return None
    moment = moment_of(written)
    if moment is None:
        raise Unprocessable(is_no(name, written, NO_MOMENT))
    if moment.year not in _YEARS:
        raise Unprocessable(is_no(name, written, "is not a time of ours"))
    return moment
