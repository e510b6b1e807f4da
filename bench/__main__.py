"""`python -m bench`: run the measurements, show tables, keep the results."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bench.rounds import BenchError
from bench.session import MEASUREMENTS, Wish, run
from bench.stand import ROOT
from earshot.errors import EarshotError

RESULTS = ROOT / "bench" / "results"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", multiple=True, type=click.Choice(list(MEASUREMENTS)), help="Measure this alone; repeatable.")
@click.option("--arms", multiple=True, metavar="TEXT", help="Run only arms with this in their name; repeatable.")
@click.option("--repeat", type=click.IntRange(1, 50), default=5, show_default=True, help="Rounds; each runs every arm.")
@click.option("--quick", "sizes", flag_value="quick", help="Small loads, for a look: the figures mean little.")
@click.option("--standard", "sizes", flag_value="standard", default="standard", help="The usual loads.  [default]")
@click.option("--full", "sizes", flag_value="full", help="Longer loads, and memory over 100,000 events.")
@click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=RESULTS,
    help="Where to keep the results.  [default: bench/results]",
)
def main(only: Sequence[str], arms: Sequence[str], repeat: int, sizes: str, results: Path) -> None:
    """Measure Earshot beside what a team would use instead, on embedded servers that write durably.

    All arms of a measurement run in turn, round after round. Everything stays on this machine: unix sockets, and the
    loopback for HTTP. Quiet the machine first; only ratios within one run can be compared with those of another.

    \b
    drain    a backlog of events, three stages, two processes: ours and seven others
    ingest   requests a second over HTTP, with appendfsync always and everysec
    latency  from the post to the rows of all stages, at a fixed rate of arrival
    growth   the cost of an event, and the rows it writes, by the length of its call
    memory   bytes of Redis for each waiting event; the workers' memory over many events
    scaling  eight workers of one stage against two

    Plots of the newest results: python -m bench.plots
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that everything is cleared away
    names = only or tuple(MEASUREMENTS)
    try:
        run(Wish(names, arms, repeat, sizes), results)
    except (BenchError, EarshotError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
