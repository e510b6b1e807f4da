"""`python -m bench.console`: how soon the console answers over many calls, as a table and a file of results."""

import signal
import sys
from pathlib import Path

import click

from bench.console_rows import Amounts
from bench.console_session import Wish, run
from bench.rounds import BenchError
from bench.stand import ROOT
from earshot.errors import EarshotError

RESULTS = ROOT / "bench" / "results" / "console"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--calls", type=click.IntRange(1000), default=100_000, show_default=True, help="Calls over 30 days.")
@click.option("--messages", type=click.IntRange(10_000), default=2_000_000, show_default=True, help="Their messages.")
@click.option("--repeat", type=click.IntRange(1, 50), default=5, show_default=True, help="Rounds over all questions.")
@click.option("--only", default="", metavar="TEXT", help="Ask only questions with this in their name.")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the servers' files there, and take the rows from there the next time.",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=RESULTS,
    help="Where to keep the results.  [default: bench/results/console]",
)
def main(*, calls: int, messages: int, repeat: int, only: str, keep: Path | None, results: Path) -> None:  # noqa: PLR0913
    """Measure every answer of the console over HTTP, on embedded servers that hold many calls.

    The rows are made by the database, some minutes at the usual amounts. Everything stays on this machine and goes with
    the command, but for --keep. Quiet the machine first.

    Fill docs/explanation/console-performance.md with the newest results: python -m bench.console_page
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that everything is cleared away
    amounts = Amounts(calls=calls, messages=messages, long_messages=min(10_000, messages // 10))
    try:
        run(Wish(amounts, repeat, only, keep), results)
    except (BenchError, EarshotError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
