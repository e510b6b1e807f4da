"""Tables for people: aligned, whole, and harmless, whatever stands in them."""

from collections.abc import Iterable
from typing import Literal

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Ids are there to be copied: a terminal that is too narrow folds the line, and nothing is cut.
WIDTH = 400


def print_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print rows below the names of their columns; numbers to the right."""
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(printable(str(cell)), justify=_side(cell)) for cell in row))
    console = Console(width=WIDTH, markup=False, highlight=False)
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def printable(text: str) -> str:
    """Replace what would move the cursor or colour the terminal: ids come from outside."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _side(cell: object) -> Literal["left", "right"]:
    return "right" if isinstance(cell, int) else "left"
