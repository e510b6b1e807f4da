"""What `earshot send` shows: a progress bar while it lasts, and a table of the answers."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from earshot.bodies import read_bodies
from earshot.posting import Answer, Poster
from earshot.send import Tally, has_refusals, send_all


def send_files(names: Sequence[str], url: str, secret: str, connections: int) -> int:
    """Post all bodies of the files and show what became of them; the exit status is 1 if any was refused."""
    answers = send_all(read_bodies(names), lambda: Poster(url, secret), connections=connections)
    tally = count_answers(answers)
    show_tally(tally)
    return int(has_refusals(tally))


def count_answers(answers: Iterable[Answer]) -> Tally:
    """Count the answers as they come, by HTTP status and what it says; the bar is for a terminal only."""
    tally: Tally = Counter()
    columns = (TextColumn("sent {task.completed}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("sending", total=None)
        for answer in answers:
            tally[answer.code, answer.outcome] += 1
            progress.advance(task)
    return tally


def show_tally(tally: Tally) -> None:
    """Print how often each answer came, the accepted ones first."""
    table = Table("answer", "HTTP", "events", box=None)
    for (code, outcome), count in sorted(tally.items()):
        table.add_row(outcome if Answer(code, outcome).is_accepted else f"refused: {outcome}", str(code), str(count))
    Console(markup=False, highlight=False).print(table if tally else "There was nothing to send.")
