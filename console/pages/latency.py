"""The page of latencies: percentiles over time, where the time goes, how it is spread, and who is slow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, render_template, request

from console.api.analytics import read_latency
from console.api.analytics_models import By, Latency, LatencyGroup
from console.charts.histograms import Bin, Histogram, draw_histogram
from console.charts.lines import Plot, draw_lines
from console.charts.summaries import summarize
from console.pages.chart_choices import Choices, read_choices
from console.pages.chart_filters import Breakdown, ChartFilters, read_filters
from console.pages.formatting import duration
from console.pages.freshness import is_late
from console.pages.latency_views import PERCENTILES, LatencyRow, part_rows, plot_of, rows_by, rows_over_time
from console.services import Services


@dataclass(frozen=True, slots=True)
class LatencyPage:
    """What the page shows; `whole` is None where no call began in the time."""

    filters: ChartFilters
    choices: Choices
    slow_ms: float
    as_of: datetime | None
    is_late: bool
    relative_error: float
    whole: LatencyGroup | None
    over_time: Sequence[LatencyRow]
    histogram: Sequence[Histogram]
    tables: Mapping[Breakdown, Sequence[LatencyRow]]

    @property
    def plot(self) -> Plot:
        """The percentiles of turn latency over time."""
        return plot_of(self.over_time, self.filters)

    @property
    def begins_late(self) -> bool:
        """Whether the axis of time leaves out a beginning without calls."""
        return self.plot.since > self.filters.stretch.since

    @property
    def summary(self) -> str:
        """What the chart of percentiles says."""
        return summarize(self.plot, PERCENTILES.index("p95"), duration)

    @property
    def parts(self) -> Sequence[LatencyRow]:
        """Where the time of all turns goes."""
        return part_rows(self.whole) if self.whole else ()


def add_pages(blueprint: Blueprint, services: Services) -> None:
    """Add /latency."""

    @blueprint.get("/latency")
    def latency() -> str:
        filters = read_filters(request.args, datetime.now(UTC))
        page = read_latency_page(services, filters)
        return render_template("latency.html", page=page, lines=draw_lines(page.plot))


def read_latency_page(services: Services, filters: ChartFilters) -> LatencyPage:
    """Read what the page shows. Raises Unprocessable and DatabaseUnavailable."""
    slow_ms = services.settings.slow_turn_ms

    def ask(by: By) -> Latency:
        return read_latency(services, {}, filters.grouped(by))

    whole = ask("none")
    over_time = rows_over_time(ask(filters.grain).groups, filters, slow_ms)
    return LatencyPage(
        filters,
        read_choices(services),
        slow_ms,
        whole.as_of,
        is_late(whole.as_of, datetime.now(UTC)),
        whole.relative_error,
        next((group for group in whole.groups if group.calls), None),
        over_time,
        draw_histogram(
            [Bin(bucket.from_ms, bucket.to_ms, bucket.turns) for bucket in whole.distribution], slow_ms, duration
        ),
        {by: rows_by(ask(by).groups, by, filters, slow_ms) for by in filters.tables},
    )
