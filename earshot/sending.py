"""What `earshot send` shows: a progress bar while it lasts, and a table of the answers."""

import sys
from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from earshot.posting import Answer, Poster
from earshot.send import Tally, has_refusals, send_all


def send_bodies(bodies: Iterable[bytes], url: str, secret: str, connections: int, expected: int | None = None) -> int:
    """Post bodies and show what became of them, also when it ends midway; the exit status is 1 if any was refused.

    `expected` is how many there will be about, where that is known.
    """
    tally: Tally = Counter()
    try:
        count_answers(send_all(bodies, lambda: Poster(url, secret), connections=connections), tally, expected)
    finally:
        show_tally(tally)
    return int(has_refusals(tally))


def count_answers(answers: Iterable[Answer], tally: Tally, expected: int | None = None) -> None:
    """Count the answers as they come, by HTTP status and what it says; the bar is for a terminal only."""
    told = "sent {task.completed}" if expected is None else "sent {task.completed} of about {task.total:.0f}"
    columns = (TextColumn(told), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("sending", total=expected)
        for answer in answers:
            tally[answer.code, answer.outcome] += 1
            progress.advance(task)


def show_tally(tally: Tally) -> None:
    """Print how often each answer came, the accepted ones first."""
    table = Table("answer", "HTTP", "events", box=None)
    for (code, outcome), count in sorted(tally.items()):
        table.add_row(outcome if Answer(code, outcome).is_accepted else f"refused: {outcome}", str(code), str(count))
    Console(markup=False, highlight=False).print(table if tally else "Nothing was sent.")
