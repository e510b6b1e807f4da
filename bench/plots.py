"""`python -m bench.plots [FILE]...`: draw the newest results, or those of files, for the page on performance."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures_page import excerpt, filled, page
from bench.results import gathered, newest
from bench.rounds import readable
from bench.stand import ROOT

RESULTS = ROOT / "bench" / "results"
EXPLANATION = ROOT / "docs" / "explanation" / "performance.md"
# The same results give the same file, byte for byte; text stays text.
STABLE = {
    "svg.hashsalt": "earshot",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
OURS, OTHERS = "#1b7f79", "#9aa5b1"
SHADES = (1.0, 0.55)
ROW_INCHES, WIDE_INCHES = 0.36, 7.0

Arms = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""arm -> figure -> median, least and greatest."""


@dataclass(frozen=True)
class Chart:
    """Bars of one or two figures for each arm that has them; `is_log` where arms lie decades apart."""

    label: str
    figures: tuple[str, ...]
    is_log: bool = False


CHARTS = {
    "drain": Chart("events a second, all three stages (logarithmic)", ("events/s",), is_log=True),
    "ingest": Chart("requests a second", ("requests/s",)),
    "latency": Chart("ms from the POST to all rows: median, 99th percentile", ("p50 ms", "p99 ms"), is_log=True),
    "memory": Chart("bytes of Redis a waiting event", ("Redis bytes/event",)),
    "scaling": Chart("events a second, one stage", ("events/s",)),
}
GROWTH, COST = "growth", "CPU ms/event"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("sources", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--page", "explanation", type=click.Path(path_type=Path), default=EXPLANATION, help="The page to fill.")
def main(sources: Sequence[Path], explanation: Path) -> None:
    """Draw every measurement of a file of results, and fill the page that explains them.

    Of a measurement that is in several files the last one counts.

    The plots go into a directory beside the page, and all figures into README.md beside the file of results.
    """
    found = sources or [source for source in [newest(RESULTS)] if source]
    if not found:
        raise click.ClickException("there are no results yet: run `make bench` first")
    document = gathered([json.loads(source.read_text()) for source in found])
    found[-1].with_name("README.md").write_text(page(document))
    _fill(explanation, document["measurements"])


def _fill(explanation: Path, measurements: Mapping[str, Mapping[str, Any]]) -> None:
    plots = explanation.with_suffix("")
    plots.mkdir(parents=True, exist_ok=True)
    text = explanation.read_text()
    for name, measured in measurements.items():
        _save(_draw(name, measured["title"], measured["arms"]), plots / f"{name}.svg")
        text = filled(text, name, excerpt(name, measured))
        click.echo(f"drawn: {plots.name}/{name}.svg")
    explanation.write_text(text)


def _draw(name: str, title: str, arms: Arms) -> Figure:
    with mpl.rc_context(STABLE):
        figure = Figure(layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(title, loc="left", fontsize=10)
        if name == GROWTH:
            _draw_growth(axes, arms)
            figure.set_size_inches(WIDE_INCHES, 3.2)
        else:
            rows = _draw_bars(axes, arms, CHARTS[name])
            figure.set_size_inches(WIDE_INCHES, 1.2 + ROW_INCHES * rows)
        return figure


def _draw_bars(axes: Axes, arms: Arms, chart: Chart) -> int:
    names = [arm for arm, figures in arms.items() if all(figure in figures for figure in chart.figures)]
    height = 0.8 / len(chart.figures)
    for number, figure in enumerate(chart.figures):
        values = [arms[arm][figure] for arm in names]
        medians = [value["median"] for value in values]
        below = [value["median"] - value["least"] for value in values]
        above = [value["greatest"] - value["median"] for value in values]
        colours = [OURS if arm.startswith(("earshot", "8 workers", "2 workers")) else OTHERS for arm in names]
        places = [row + number * height for row in range(len(names))]
        bars = axes.barh(
            places, medians, height * 0.9, xerr=[below, above], color=colours, alpha=SHADES[number], ecolor="#333"
        )
        axes.bar_label(bars, labels=list(map(readable, medians)), padding=4, fontsize=8)
    axes.set_yticks([row + height * (len(chart.figures) - 1) / 2 for row in range(len(names))], names)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    if chart.is_log:
        # Bars of a logarithmic axis have no natural foot; 1 is one for events a second and for milliseconds.
        axes.set_xscale("log")
        axes.set_xlim(left=1)
        axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel(chart.label)
    return len(names)


def _draw_growth(axes: Axes, arms: Arms) -> None:
    lines: dict[str, list[tuple[int, float]]] = {}
    for arm, figures in arms.items():
        name, _, length = arm.rpartition(", ")
        lines.setdefault(name, []).append((int(length), figures[COST]["median"]))
    for name, points in lines.items():
        lengths, costs = zip(*sorted(points), strict=True)
        axes.plot(lengths, costs, marker="o", label=name, color=OURS if name == "earshot" else OTHERS)
    axes.set_xlabel("messages in the call")
    axes.set_ylabel("worker CPU, ms an event")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)


def _save(figure: Figure, path: Path) -> None:
    with mpl.rc_context(STABLE):
        figure.savefig(path, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
