"""`earshot replay`: run dead letters again, or what was in quarantine, and keep a record of who did."""

# ruff: noqa: PLC0415 - `earshot --help` would take a second with all programs imported

import getpass
import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from earshot.commands.choosing import choosing_options, dead_letter_filter, quarantine_filter
from earshot.commands.common import Fault, data_dir_option, settings_for
from earshot.commands.numbers import WholeNumber
from earshot.commands.servers import database_of, outages_told, redis_of
from earshot.commands.tables import print_table
from earshot.moments import write_moment

if TYPE_CHECKING:
    from shared.database import Database
    from shared.replays import PastRun, ReplayRecord, Run, Work
    from shared.settings import Settings

HISTORY_COLUMNS = (
    *("run", "started (UTC)", "finished (UTC)", "who", "what", "filter"),
    *("matched", "done", "skipped", "outcome"),
)
DONE = {"replay": "replayed", "discard": "discarded"}


@click.command("replay")
@data_dir_option
@choosing_options
@click.option("--all", "everything", is_flag=True, help="All there is; needed where nothing else chooses.")
@click.option("--dry-run", is_flag=True, help="Say how many would be replayed, and change nothing.")
@click.option("--discard", is_flag=True, help="Give them up for good in place of replaying them.")
@click.option("--yes", is_flag=True, help="With --discard: do not ask.")
@click.option("--history", is_flag=True, help="List the latest runs, and do nothing.")
@click.option("--limit", type=WholeNumber(1), default=20, show_default=True, help="With --history: how many runs.")
@click.pass_context
def command(ctx: click.Context, /, data_dir: Path, **options: Any) -> None:
    """Put dead letters back into their queues.

    Each gets fresh attempts. Safe to interrupt and to repeat.
    """
    with outages_told():
        if options["history"]:
            _print_history(settings_for(["DATABASE_URL"], data_dir), options["limit"])
            return
        settings = settings_for(["REDIS_URL", "DATABASE_URL"], data_dir)
        database = database_of(settings)
        work = _work(settings, database, options)
        if options["dry_run"]:
            _rehearse(work)
        elif work.matched == 0:
            click.echo("Nothing matches.")
        else:
            _confirm(work, is_sure=options["yes"])
            ctx.exit(_carry_out(work, database))


def _work(settings: "Settings", database: "Database", options: Mapping[str, Any]) -> "Work":
    from shared.dead_letters import DeadLetters
    from shared.quarantined import Quarantine
    from shared.replay_work import DeadLetterDiscard, DeadLetterReplay, QuarantineDiscard

    if options["quarantine"]:
        chosen = quarantine_filter(options)
        _require_choice(options, is_chosen=not chosen.is_empty)
        if options["discard"]:
            return QuarantineDiscard(Quarantine(database), chosen)
        return _quarantine_replay(settings, database, options)
    wanted = dead_letter_filter(options)
    _require_choice(options, is_chosen=not wanted.is_empty)
    kind = DeadLetterDiscard if options["discard"] else DeadLetterReplay
    return kind(DeadLetters(redis_of(settings), settings), wanted)


def _require_choice(options: Mapping[str, Any], *, is_chosen: bool) -> None:
    if not is_chosen and not options["everything"]:
        raise click.UsageError("say which: --stage, --error, --since, --until, --call, --event, --reason, or --all")
    if is_chosen and options["everything"]:
        raise click.UsageError("--all and a choice exclude each other")


def _quarantine_replay(settings: "Settings", database: "Database", options: Mapping[str, Any]) -> "Work":
    from shared.publisher import Publisher
    from shared.quarantined import Quarantine
    from shared.replay_work import QuarantineReplay, route_by

    redis = redis_of(settings)
    publisher = Publisher(redis, settings)
    return QuarantineReplay(Quarantine(database), quarantine_filter(options), redis, publisher, route_by(settings))


def _rehearse(work: "Work") -> None:
    from shared.replays import rehearse

    count = rehearse(work)
    left = f"; {work.matched - count:,} cannot be routed" if count < work.matched else ""
    click.echo(f"{count:,} of {work.matched:,} that match would be {DONE[work.action]}{left}")


def _confirm(work: "Work", *, is_sure: bool) -> None:
    if work.action == "discard" and not is_sure:
        click.confirm(f"Discard {work.matched:,} for good? Nothing brings them back.", abort=True, err=True)


def _carry_out(work: "Work", database: "Database") -> int:
    """Run to the end, or to the first Ctrl-C; the exit status is 1 when something was not looked at."""
    from shared.errors import DatabaseUnavailable, QueueUnavailable
    from shared.replays import ReplayRecord, Run

    run = Run(work.matched)
    try:
        run = _run_with_bar(work, ReplayRecord(database), run)
    except (DatabaseUnavailable, QueueUnavailable):
        click.echo(f"Stopped by a server: {_told(run, work)}", err=True)
        raise
    if run.outcome == "interrupted":
        raise Fault(f"Interrupted: {_told(run, work)}. The same command does the rest.")
    click.echo(_told(run, work))
    return 0


def _run_with_bar(work: "Work", record: "ReplayRecord", run: "Run") -> "Run":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from earshot.stop_signals import StopSignals
    from shared.replays import carry_out

    columns = (TextColumn(DONE[work.action]), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    with StopSignals() as signals, bar:
        task = bar.add_task("", total=work.matched)
        for _ in carry_out(work, record, run, _who(), lambda: signals.requested is not None):
            bar.update(task, completed=run.matched - run.left)
    return run


def _told(run: "Run", work: "Work") -> str:
    skipped = {"dead_letters": "taken up by somebody else meanwhile", "quarantine": "still in quarantine"}
    parts = [f"{run.replayed:,} of {run.matched:,} {DONE[work.action]}"]
    parts += [f"{run.skipped:,} {skipped[work.source]}"] if run.skipped else []
    parts += [f"{run.left:,} not looked at"] if run.left else []
    return ", ".join(parts)


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # An account without a name, as containers have.
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _print_history(settings: "Settings", limit: int) -> None:
    from shared.replays import ReplayRecord

    runs = ReplayRecord(database_of(settings)).list(limit)
    if runs:
        print_table(HISTORY_COLUMNS, map(_history_row, runs))
    else:
        click.echo("Nothing was ever replayed or discarded.")


def _history_row(run: "PastRun") -> tuple[object, ...]:
    what = f"{run.action} {run.source.replace('_', ' ')}"
    chosen = json.dumps(run.filter) if run.filter else "all"
    times = (write_moment(run.started_at), write_moment(run.finished_at))
    return (run.replay_id, *times, run.who, what, chosen, run.matched, run.replayed, run.skipped, run.outcome)
