"""Tables for a person: the figures of each arm, and how the claims stand."""

from collections.abc import Sequence

from rich.table import Table

from bench.comparisons import Verdict
from bench.results import Measured
from bench.rounds import readable
from bench.samples import Summary, summarise


def figures_table(measured: Measured) -> Table:
    """Show the median of every figure of every arm, and from where to where it went."""
    names = list(dict.fromkeys(name for figures in measured.samples.values() for name in figures))
    table = Table(title=f"{measured.title} ({measured.rounds} rounds: median, least to greatest)", title_justify="left")
    table.add_column("arm")
    for name in names:
        table.add_column(name, justify="right")
    for arm, figures in measured.samples.items():
        table.add_row(arm, *(_cell(figures.get(name, ())) for name in names))
    for arm, reason in measured.skipped.items():
        table.add_row(arm, f"skipped: {reason}")
    return table


def claims_table(verdicts: Sequence[Verdict]) -> Table:
    """Show every claim, what it came to, and whether the target is met."""
    table = Table(title="Targets (ratios are taken round by round)", title_justify="left")
    for name in ("claim", "median", "least to greatest", "target", "", "against"):
        table.add_column(name, justify="right" if name in ("median", "target") else "left")
    for verdict in verdicts:
        bound = f"{'>=' if verdict.is_floor else '<='} {readable(verdict.target)}"
        met = "met" if verdict.is_met else "MISSED"
        value = verdict.value
        table.add_row(verdict.claim, readable(value.median), _range(value), bound, met, verdict.against)
    return table


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ""
    summary = summarise(values)
    return readable(summary.median) if len(values) == 1 else f"{readable(summary.median)} ({_range(summary)})"


def _range(summary: Summary) -> str:
    return f"{readable(summary.least)} to {readable(summary.greatest)}"
