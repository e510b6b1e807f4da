"""The page of interruptions, as values: from the API's figures to charts, tables and links. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from console.api.analytics_models import InterruptedText, InterruptionsGroup
from console.charts.bars import Bar, draw_bars
from console.charts.lines import LineChart, Plot, Point, draw_lines
from console.charts.summaries import summarize
from console.pages.behind import calls_in, calls_of
from console.pages.chart_filters import Breakdown, ChartFilters
from console.pages.stretches import axis_of, stretch_at, stretch_words


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something is interrupted: its title, its unit, and how it is read from a group."""

    title: str
    unit: str
    of: Callable[[InterruptionsGroup], float | None]

    def write(self, value: float) -> str:
        """Write a value of it: "0.50 per call"."""
        return f"{value:.2f} {self.unit}"


RATES = (
    Rate("Interruptions per call", "per call", lambda group: group.per_call),
    Rate(
        "Interruptions per 100 messages of the assistant",
        "per 100 messages",
        lambda group: None if group.per_assistant_message is None else 100 * group.per_assistant_message,
    ),
)


@dataclass(frozen=True, slots=True)
class RateChart:
    """The line of a rate on every sheet, and what it says in words."""

    rate: Rate
    sheets: Sequence[LineChart]
    summary: str


@dataclass(frozen=True, slots=True)
class InterruptionRow:
    """How often some calls were interrupted: with a name, a bar, and where the calls, and the interrupted ones, are."""

    name: str
    group: InterruptionsGroup
    href: str | None
    cut_href: str | None
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class TextRow:
    """A text that was cut short, and where the calls are in which it was said."""

    text: InterruptedText
    bar: Bar | None
    href: str


def rows_by(groups: Sequence[InterruptionsGroup], by: Breakdown, filters: ChartFilters) -> list[InterruptionRow]:
    """Set the calls of assistants, or of models, beside each other, the ones with most interruptions first."""
    ordered = sorted(groups, key=lambda group: -group.interruptions)
    bars = draw_bars([(group.per_call, None) for group in ordered])
    rows = []
    for group, bar in zip(ordered, bars, strict=True):
        href, cut_href = (calls_of(group.key or "", by, filters, has_interruptions=cut) for cut in (None, True))
        rows.append(InterruptionRow(group.key or "", group, href, cut_href if group.interruptions else None, bar))
    return rows


def rows_over_time(groups: Sequence[InterruptionsGroup], filters: ChartFilters) -> list[InterruptionRow]:
    """Set hours or days behind each other; each leads to its calls."""
    rows = []
    for group in sorted(groups, key=lambda group: group.key or ""):
        stretch = stretch_at(group.key or "", filters.grain)
        href, cut_href = (calls_in(stretch, filters, has_interruptions=cut) for cut in (None, True))
        name = stretch_words(stretch, filters.grain)
        rows.append(InterruptionRow(name, group, href, cut_href if group.interruptions else None))
    return rows


def charts_of(rows: Sequence[InterruptionRow], filters: ChartFilters) -> list[RateChart]:
    """Draw the lines of all rates from rows over time."""
    plots = [(rate, plot_of(rows, filters, rate)) for rate in RATES]
    return [RateChart(rate, draw_lines(plot), summarize(plot, 0, rate.write)) for rate, plot in plots]


def plot_of(rows: Sequence[InterruptionRow], filters: ChartFilters, rate: Rate) -> Plot:
    """Make the line of one rate from rows over time; it has no name, for it stands alone."""
    points = [_point(row, filters, rate) for row in rows]
    return Plot(("",), points, *axis_of(points, filters.stretch, filters.grain))


def text_rows(texts: Sequence[InterruptedText], filters: ChartFilters) -> list[TextRow]:
    """Set texts that were cut short beside each other, the most frequent first."""
    bars = draw_bars([(text.interruptions, None) for text in texts])
    return [
        TextRow(text, bar, calls_in(filters.stretch, filters, search=_phrase(text.text), has_interruptions=True))
        for text, bar in zip(texts, bars, strict=True)
    ]


def _point(row: InterruptionRow, filters: ChartFilters, rate: Rate) -> Point:
    stretch = stretch_at(row.group.key or "", filters.grain)
    value = rate.of(row.group)
    told = "no rate" if value is None else rate.write(value)
    title = f"{row.name}: {told}; {_counted(row.group)}"
    return Point(stretch.since, stretch.until, (value,), title, row.cut_href or row.href or "")


def _counted(group: InterruptionsGroup) -> str:
    return f"interruptions: {group.interruptions:,}, in {group.interrupted_calls:,} of {group.calls:,} calls"


def _phrase(text: str) -> str:
    """Quote a text for the search of calls, without its last word, which may be cut."""
    words = text.replace('"', " ").split()
    return f'"{" ".join(words[:-1] or words)}"'
