"""One session of the bench: the servers, one measurement after the other, each kept as soon as it is done."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from bench.comparisons import judge
from bench.machine import commit, describe_machine, describe_servers, describe_versions
from bench.measurements import drain, growth, ingest, latency, memory, scaling
from bench.plan import Plan
from bench.results import Measured, Results, save
from bench.rounds import run_rounds
from bench.sizes import SIZES, Sizes
from bench.stand import Stand
from bench.table import claims_table, figures_table

FILE_COLUMNS = 200

Planner = Callable[[Stand, Sizes, ExitStack], Plan]

MEASUREMENTS: dict[str, Planner] = {
    "drain": lambda stand, sizes, _opened: drain.plan(stand, sizes),
    "ingest": ingest.plan,
    "latency": lambda stand, sizes, _opened: latency.plan(stand, sizes),
    "growth": lambda stand, sizes, _opened: growth.plan(stand, sizes),
    "memory": lambda stand, sizes, _opened: memory.plan(stand, sizes),
    "scaling": lambda stand, sizes, _opened: scaling.plan(stand, sizes),
}


@dataclass(frozen=True)
class Wish:
    """What to run: which measurements, arms whose name holds one of `arms` (all, if there is none), how often."""

    names: Sequence[str]
    arms: Sequence[str]
    rounds: int
    sizes: str


def run(wish: Wish, directory: Path) -> None:
    """Run the measurements and show what they come to; the file of results grows with each of them."""
    with Stand() as stand:
        results = Results(datetime.now(UTC).date().isoformat(), commit(), _about(stand, wish.sizes))
        for name in wish.names:
            measured = _measure(stand, name, wish)
            results = replace(results, measured={**results.measured, name: measured})
            file = save(results, directory)
    _show(results)
    click.echo(f"kept in {file}")


def _measure(stand: Stand, name: str, wish: Wish) -> Measured:
    with ExitStack() as opened:
        plan = MEASUREMENTS[name](stand, SIZES[wish.sizes], opened)
        _tell(plan.title)
        wanted = [arm for arm in plan.arms if not wish.arms or any(text in arm.name for text in wish.arms)]
        samples, failed = run_rounds(wanted, wish.rounds, _tell)
    verdicts = judge(plan.comparisons, samples)
    return Measured(plan.title, plan.settings, wish.rounds, samples, verdicts, {**plan.skipped, **failed})


def _show(results: Results) -> None:
    console = Console(width=None if Console().is_terminal else FILE_COLUMNS)
    for measured in results.measured.values():
        console.print(figures_table(measured), "")
    console.print(claims_table([verdict for measured in results.measured.values() for verdict in measured.verdicts]))


def _about(stand: Stand, sizes: str) -> dict[str, object]:
    return {
        "sizes": sizes,
        "machine": describe_machine(),
        "versions": describe_versions(stand),
        "servers": describe_servers(stand),
    }


def _tell(line: str) -> None:
    click.echo(line, err=True)
