"""The page of interruptions: how often the assistant is cut short, over time, in whose calls, and in which texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, render_template, request

from console.api.analytics import read_interruptions
from console.api.analytics_models import By, Interruptions, InterruptionsGroup
from console.pages.chart_choices import Choices, read_choices
from console.pages.chart_filters import Breakdown, ChartFilters, read_filters
from console.pages.freshness import is_late
from console.pages.interruption_views import (
    RATES,
    InterruptionRow,
    RateChart,
    TextRow,
    charts_of,
    plot_of,
    rows_by,
    rows_over_time,
    text_rows,
)
from console.services import Services


@dataclass(frozen=True, slots=True)
class InterruptionsPage:
    """What the page shows; `whole` is None where no call began in the time."""

    filters: ChartFilters
    choices: Choices
    as_of: datetime | None
    is_late: bool
    whole: InterruptionsGroup | None
    over_time: Sequence[InterruptionRow]
    tables: Mapping[Breakdown, Sequence[InterruptionRow]]
    texts: Sequence[TextRow]

    @property
    def charts(self) -> Sequence[RateChart]:
        """The lines of the rates over time."""
        return charts_of(self.over_time, self.filters)

    @property
    def begins_late(self) -> bool:
        """Whether the axes of time leave out a beginning without calls."""
        plot = plot_of(self.over_time, self.filters, RATES[0])
        return plot.since > self.filters.stretch.since


def add_pages(blueprint: Blueprint, services: Services) -> None:
    """Add /interruptions."""

    @blueprint.get("/interruptions")
    def interruptions() -> str:
        filters = read_filters(request.args, datetime.now(UTC))
        return render_template("interruptions.html", page=read_interruptions_page(services, filters))


def read_interruptions_page(services: Services, filters: ChartFilters) -> InterruptionsPage:
    """Read what the page shows. Raises Unprocessable and DatabaseUnavailable."""

    def ask(by: By) -> Interruptions:
        return read_interruptions(services, {}, filters.grouped(by))

    whole = ask("none")
    return InterruptionsPage(
        filters,
        read_choices(services),
        whole.as_of,
        is_late(whole.as_of, datetime.now(UTC)),
        next((group for group in whole.groups if group.calls), None),
        rows_over_time(ask(filters.grain).groups, filters),
        {by: rows_by(ask(by).groups, by, filters) for by in filters.tables},
        text_rows(whole.texts, filters),
    )
