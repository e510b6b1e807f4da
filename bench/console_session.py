"""One run of the console's bench: servers, rows, the program, every question in turn, and what it came to."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from bench.comparisons import judge
from bench.console_arms import arms_of, comparisons_of
from bench.console_questions import find_places, questions
from bench.console_rows import Amounts
from bench.console_stand import ConsoleStand
from bench.console_table import answers_table
from bench.machine import commit, describe_machine, describe_servers, describe_versions
from bench.results import Measured, Results, save
from bench.rounds import run_rounds
from bench.session import FILE_COLUMNS

NAME = "console"
TABLES = ("calls", "messages", "message_metrics", "interruptions", "call_statuses", "receipts", "call_figures")


@dataclass(frozen=True)
class Wish:
    """What to run: over how many rows, how often, which questions, and where the servers' files are kept, if at all."""

    amounts: Amounts
    rounds: int
    only: str
    keep: Path | None


def run(wish: Wish, directory: Path) -> None:
    """Measure and show what it comes to; the results are kept in the directory."""
    with ConsoleStand(wish.keep) as stand:
        seconds = stand.fill(wish.amounts)
        measured = _measure(stand, wish, seconds)
        results = Results(datetime.now(UTC).date().isoformat(), commit(), _about(stand), {NAME: measured})
        file = save(results, directory)
    section = json.loads(file.read_text())["measurements"][NAME]
    console = Console(width=None if Console().is_terminal else FILE_COLUMNS)
    console.print(answers_table(section))
    click.echo(f"kept in {file}")


def _measure(stand: ConsoleStand, wish: Wish, seconds: float) -> Measured:
    made = {"seconds to make them": round(seconds)} if seconds >= 1 else {}
    settings: dict[str, object] = {"rows": _count(stand), "days": wish.amounts.days, **made}
    with stand.serving() as (process, client):
        places = find_places(stand, client, wish.amounts)
        asked = [question for question in questions(places) if wish.only in question.name]
        arms = arms_of(stand, process, client, asked)
        samples, failed = run_rounds(arms, wish.rounds, lambda line: click.echo(line, err=True))
    verdicts = judge(comparisons_of(asked), samples)
    title = "The console: time to an answer over HTTP"
    return Measured(title, settings, wish.rounds, samples, verdicts, failed)


def _count(stand: ConsoleStand) -> dict[str, int]:
    return {table: stand.one(f"select count(*) from {table}") for table in TABLES}  # noqa: S608 - tables of ours


def _about(stand: ConsoleStand) -> dict[str, object]:
    return {
        "machine": describe_machine(),
        "versions": describe_versions(stand),
        "servers": describe_servers(stand),
    }
