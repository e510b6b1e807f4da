"""What the pages of charts can be asked for, and the links that ask the same of another stretch of time. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode

from console.api.analytics_models import AnalyticsQuery, By
from console.api.analytics_period import LONGEST_BY_HOUR
from console.errors import Unprocessable
from console.pages.labels import is_no, label_of
from console.pages.ranges import PRESETS, Grain, TimeRange, read_range

BREAKDOWNS = {"": "Assistant and model", "assistant": "Assistant", "model": "Model", "hour": "Hour", "day": "Day"}
_KNOWN = frozenset({"range", "since", "until", "assistant_id", "llm_model", "by"})
_LONGEST_ID = 500

Breakdown = Literal["assistant", "model"]
_BREAKDOWNS: tuple[Breakdown, ...] = ("assistant", "model")


@dataclass(frozen=True, slots=True)
class ChartFilters:
    """The calls that a page of charts is about, and by what it groups them; `unknown` was asked too, in vain."""

    stretch: TimeRange
    assistant_id: str | None
    llm_model: str | None
    by: str
    unknown: tuple[str, ...] = ()

    @property
    def grain(self) -> Grain:
        """Whether the charts go by the hour or by the day."""
        if self.by == "hour" and self.stretch.until - self.stretch.since <= LONGEST_BY_HOUR:
            return "hour"
        return "day" if self.by == "day" else self.stretch.grain

    @property
    def tables(self) -> tuple[Breakdown, ...]:
        """What the tables of the page group calls by."""
        return tuple(by for by in _BREAKDOWNS if self.by in {by, "", "hour", "day"})

    @property
    def breakdowns(self) -> Mapping[str, str]:
        """What the page can group calls by, and how that is called."""
        return BREAKDOWNS

    def grouped(self, by: By) -> AnalyticsQuery:
        """Ask the API for figures of these calls, grouped by something."""
        return AnalyticsQuery(
            since=self.stretch.since,
            until=self.stretch.until,
            assistant_id=self.assistant_id,
            llm_model=self.llm_model,
            by=by,
        )

    def presets(self, path: str) -> list[tuple[str, str, bool]]:
        """Write name and address of each preset of the stretch of time, and whether it is the present one."""
        kept = {"assistant_id": self.assistant_id, "llm_model": self.llm_model, "by": self.by}
        asked = {name: value for name, value in kept.items() if value}
        return [
            (words, f"{path}?{urlencode({'range': name, **asked})}", name == self.stretch.preset)
            for name, words in PRESETS.items()
        ]


def read_filters(asked: Mapping[str, str], now: datetime) -> ChartFilters:
    """Read the filters from the address. Raises Unprocessable."""
    by = asked.get("by", "")
    if by not in BREAKDOWNS:
        raise Unprocessable(is_no("by", by, f"is none of {', '.join(filter(None, BREAKDOWNS))}"))
    return ChartFilters(
        stretch=read_range(asked, now),
        assistant_id=_id(asked, "assistant_id"),
        llm_model=_id(asked, "llm_model"),
        by=by,
        unknown=tuple(sorted(set(asked) - _KNOWN)),
    )


def _id(asked: Mapping[str, str], name: str) -> str | None:
    value = asked.get(name, "")
    if "\0" in value or len(value) > _LONGEST_ID:
        raise Unprocessable(f"{label_of(name)}: is too long, or holds a character that no text can hold")
    return value or None
