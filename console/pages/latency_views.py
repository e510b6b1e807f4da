"""The page of latencies, as values: from the API's figures to charts, tables and links. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from console.api.analytics_models import LatencyGroup, Percentiles
from console.charts.bars import Bar, draw_bars
from console.charts.lines import Plot, Point
from console.pages.behind import calls_in, calls_of
from console.pages.chart_filters import ChartFilters
from console.pages.formatting import duration
from console.pages.stretches import axis_of, stretch_at, stretch_words

PERCENTILES = ("p50", "p90", "p95", "p99")
# In the order in which they follow each other in a turn: a name, and the class that gives the colour.
PARTS = (
    ("eou_ms", "End of utterance", "part-eou"),
    ("eou_queue_ms", "Queue, end of utterance", "part-eou-queue"),
    ("llm_queue_ms", "Queue, LLM", "part-llm-queue"),
    ("llm_ms", "LLM", "part-llm"),
    ("tts_queue_ms", "Queue, TTS", "part-tts-queue"),
    ("tts_ms", "TTS, made afresh", "part-tts"),
    ("tts_cached_ms", "TTS, from its cache", "part-tts"),
    ("remainder_ms", "Remainder", "part-remainder"),
)


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """Figures with a name, a bar from p50 to p95, its colour, and where the calls are, and the slow ones among them."""

    name: str
    figures: Percentiles
    bar: Bar | None
    colour: str = "series-1"
    group: LatencyGroup | None = None
    href: str | None = None
    slow_href: str | None = None

    @property
    def key(self) -> str:
        """What the API calls the group."""
        return (self.group.key if self.group else None) or ""


def part_rows(group: LatencyGroup) -> list[LatencyRow]:
    """Tell where the time of turns goes, part by part."""
    figures: list[Percentiles] = [getattr(group.parts, part) for part, _, _ in PARTS]
    bars = draw_bars([(part.p50, part.p95) for part in figures])
    return [
        LatencyRow(name, part, bar, colour) for (_, name, colour), part, bar in zip(PARTS, figures, bars, strict=True)
    ]


def rows_by(groups: Sequence[LatencyGroup], by: str, filters: ChartFilters, slow_ms: float) -> list[LatencyRow]:
    """Set the calls of assistants, or of models, beside each other, the ones with most turns first."""
    ordered = sorted(groups, key=lambda group: -group.turns)
    turns = [group.parts.turn_latency_ms for group in ordered]
    bars = draw_bars([(turn.p50, turn.p95) for turn in turns])
    return [
        LatencyRow(
            group.key or "",
            turn,
            bar,
            group=group,
            href=calls_of(group.key or "", by, filters),
            slow_href=calls_of(group.key or "", by, filters, slow=True) if is_slow(turn, slow_ms) else None,
        )
        for group, turn, bar in zip(ordered, turns, bars, strict=True)
    ]


def rows_over_time(groups: Sequence[LatencyGroup], filters: ChartFilters, slow_ms: float) -> list[LatencyRow]:
    """Set hours or days behind each other; each leads to its calls."""
    return [_row_at(group, filters, slow_ms) for group in sorted(groups, key=lambda group: group.key or "")]


def plot_of(rows: Sequence[LatencyRow], filters: ChartFilters) -> Plot:
    """Make the lines of the percentiles of turn latency from rows over time."""
    points = [_point(row, filters) for row in rows]
    return Plot(PERCENTILES, points, *axis_of(points, filters.stretch, filters.grain), write=duration)


def is_slow(figures: Percentiles, slow_ms: float) -> bool:
    """Tell whether one turn in a hundred is slow, so that it is worth asking for the slow ones alone."""
    return figures.p99 is not None and figures.p99 >= slow_ms


def _row_at(group: LatencyGroup, filters: ChartFilters, slow_ms: float) -> LatencyRow:
    stretch, turn = stretch_at(group.key or "", filters.grain), group.parts.turn_latency_ms
    return LatencyRow(
        stretch_words(stretch, filters.grain),
        turn,
        None,
        group=group,
        href=calls_in(stretch, filters),
        slow_href=calls_in(stretch, filters, slow=True) if is_slow(turn, slow_ms) else None,
    )


def _point(row: LatencyRow, filters: ChartFilters) -> Point:
    stretch = stretch_at(row.key, filters.grain)
    values = tuple(getattr(row.figures, percentile) for percentile in PERCENTILES)
    named = zip(PERCENTILES, values, strict=True)
    told = ", ".join(f"{name} {duration(value)}" for name, value in named if value is not None)
    title = f"{row.name}: {told or 'no turn measured'}; turns measured: {row.figures.turns:,}"
    return Point(stretch.since, stretch.until, values, title, row.href or "")
