"""`python -m bench.console_page [FILE]`: fill the page on the console's speed with the newest results."""

import json
from pathlib import Path

import click

from bench.console import RESULTS
from bench.console_session import NAME
from bench.console_table import answers_page
from bench.figures_page import filled, table
from bench.results import newest
from bench.stand import ROOT

EXPLANATION = ROOT / "docs" / "explanation" / "console-performance.md"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("source", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def main(source: Path | None) -> None:
    """Put the figures of a file of results, the newest unless told, between the marks of the page."""
    found = source or newest(RESULTS)
    if not found:
        raise click.ClickException("there are no results yet: run `python -m bench.console` first")
    document = json.loads(found.read_text())
    facts = {"commit": document["commit"], "date": document["date"], **document["machine"], **document["servers"]}
    text = filled(EXPLANATION.read_text(), "answers", answers_page(document["measurements"][NAME]))
    told = table(("what", "which"), ((name, str(value)) for name, value in facts.items()))
    EXPLANATION.write_text(filled(text, "machine", told))


if __name__ == "__main__":
    main()
