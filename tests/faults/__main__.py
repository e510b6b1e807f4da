"""`python -m tests.faults`: do all faults to Earshot and to a plain RQ pipeline, and show what came out."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live

from tests.faults.scenarios import ON_DURABLE_SERVERS, ON_ONE_DATABASE_A_POINT, Scenario
from tests.faults.stand import Stand
from tests.faults.verdicts import Verdict, verdicts_table

RESULTS = Path(__file__).parent / "results"
WIDTH = 160
NAMES = (*ON_ONE_DATABASE_A_POINT, *ON_DURABLE_SERVERS)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="Do this alone; repeatable.")
@click.option("--seed", type=int, default=20, show_default=True, help="Another one makes other calls and other orders.")
@click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=RESULTS,
    help="Where to keep the results.  [default: tests/faults/results]",
)
def main(only: Sequence[str], seed: int, results: Path) -> None:
    """Break what can break while events are on their way, and count what was promised and not kept.

    Ends with status 1 when Earshot lost, doubled or spoilt anything, or left it unsettled.
    """
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    console.print(f"seed {seed}")
    verdicts = [
        *_do(console, ON_ONE_DATABASE_A_POINT, only, seed, durable=False),
        *_do(console, ON_DURABLE_SERVERS, only, seed, durable=True),
    ]
    _keep(results, seed, verdicts)
    sys.exit(any(not verdict.is_clean for verdict in verdicts if verdict.arm == "earshot"))


def _do(
    console: Console, scenarios: Mapping[str, Scenario], only: Sequence[str], seed: int, *, durable: bool
) -> list[Verdict]:
    wanted = {name: run for name, run in scenarios.items() if not only or name in only}
    verdicts: list[Verdict] = []
    if not wanted:
        return verdicts
    with Stand(durable=durable) as stand, Live(console=console, refresh_per_second=4) as live:
        for name, run in wanted.items():

            def progress(text: str, name: str = name) -> None:
                live.update(verdicts_table(verdicts, f"{name}: {text}" if text else name))

            for verdict in run(stand, seed, progress):
                verdicts.append(verdict)
                progress("")
        live.update(verdicts_table(verdicts))
    return verdicts


def _keep(results: Path, seed: int, verdicts: Sequence[Verdict]) -> None:
    results.mkdir(parents=True, exist_ok=True)
    told = {"seed": seed, "verdicts": [verdict.as_json() for verdict in verdicts]}
    path = results / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
