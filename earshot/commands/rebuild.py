"""`earshot rebuild STAGE`: run a stage again over the stored snapshots, or say what that would change."""

# ruff: noqa: PLC0415 - `earshot --help` would take a second with all programs imported

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from earshot.commands.choosing import Moment
from earshot.commands.common import Fault, data_dir_option, secret_text, setting_faults_told, settings_for
from earshot.commands.tables import print_table, printable
from shared.stages import STAGES

if TYPE_CHECKING:
    from shared.settings import Settings
    from workers.differences import Difference
    from workers.rebuilding import Outcome, Rebuild, Selection

MOST_NAMED = 50
COLUMNS = ("table", "inserted", "changed", "internal", "deleted", "unchanged", "rows in which a column changed")


@click.command("rebuild")
@data_dir_option
@click.argument("stage", type=click.Choice(STAGES), metavar="STAGE")
@click.option(
    "--since", type=Moment(), help="Only what was received from then on: 2026-11-23T09:00 (UTC), or 2h, 3d ago."
)
@click.option("--until", type=Moment(), help="Only what was received before then.")
@click.option("--call", "call_ids", multiple=True, metavar="ID", help="Only this call; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="All snapshots.")
@click.option("--dry-run", is_flag=True, help="Say how rows would differ, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
@click.pass_context
def command(ctx: click.Context, /, data_dir: Path, stage: str, **options: Any) -> None:
    """Run one STAGE again over the stored snapshots.

    After it was added or corrected.

    STAGE is transcripts, metrics, interruptions, lifecycle or sentiment.
    """
    _check_filters(options)
    settings = settings_for(["DATABASE_URL"], data_dir)
    from workers.rebuilding import Selection
    from workers.scoring import open_scorer
    from workers.sentiment import STAGE as SENTIMENT

    if stage == SENTIMENT:
        with setting_faults_told():
            open_scorer(settings)
    selection = Selection(stage, options["since"], options["until"], options["call_ids"] or None)
    outcome, is_whole = _rebuild(settings, selection, dry_run=options["dry_run"])
    if options["as_json"]:
        _print_json(outcome, stage=stage, dry_run=options["dry_run"], interrupted=not is_whole)
    else:
        _print_tables(outcome, "would be told again to" if options["dry_run"] else "told again to", stage)
    if not is_whole:
        click.echo("Interrupted. What is told above is done; run it again for the rest.", err=True)
    ctx.exit(int(bool(outcome.damaged) or not is_whole))


def _check_filters(options: dict[str, Any]) -> None:
    is_filtered = any(options[name] for name in ("since", "until", "call_ids"))
    if is_filtered and options["everything"]:
        raise click.UsageError("--all goes with no --since, --until or --call")
    if not is_filtered and not options["everything"]:
        raise click.UsageError("say which snapshots: --since, --until or --call, or --all for all of them")


def _rebuild(settings: "Settings", selection: "Selection", *, dry_run: bool) -> "tuple[Outcome, bool]":
    """Run to the end, or until Ctrl-C; tells what was done, and whether that is all."""
    from workers.rebuilding import Outcome, Rebuild

    url = secret_text(settings.database_url)
    rebuild = Rebuild(url, settings.database_timeout_seconds, selection, dry_run=dry_run)
    outcome = Outcome()
    try:
        with _faults_told():
            for part in _with_progress(rebuild):
                outcome += part
    except KeyboardInterrupt:
        return outcome, False
    finally:
        rebuild.close()
    return outcome, True


@contextmanager
def _faults_told() -> Iterator[None]:
    import psycopg

    from shared.errors import DatabaseUnavailable

    try:
        yield
    except (DatabaseUnavailable, psycopg.Error) as error:
        reason = str(error) if isinstance(error, DatabaseUnavailable) else type(error).__name__
        raise Fault(f"PostgreSQL: {reason}. The calls so far are done; running it again does no harm.") from error


def _with_progress(rebuild: "Rebuild") -> "Iterator[Outcome]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]} calls/s")
    columns = (MofNCompleteColumn(), TextColumn("calls"), BarColumn(), rate, TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("rebuild", total=rebuild.count_calls(), rate="-")
        for part in rebuild.run():
            yield part
            progress.advance(task, part.calls)
            progress.update(task, rate=round(progress.tasks[0].speed or 0))


def _print_json(outcome: "Outcome", **about: str | bool) -> None:
    click.echo(json.dumps({**about, **asdict(outcome)}, indent=2))


def _print_tables(outcome: "Outcome", done: str, stage: str) -> None:
    click.echo(f"{outcome.snapshots:,} snapshots of {outcome.calls:,} calls {done} {stage}\n")
    if outcome.tables:
        print_table(COLUMNS, (_table_row(name, rows) for name, rows in outcome.tables.items()))
    _print_damaged(outcome)


def _table_row(name: str, rows: "Difference") -> tuple[object, ...]:
    columns = ", ".join(f"{column} {count}" for column, count in rows.columns.most_common()) or "-"
    return (name, rows.inserted, rows.changed, rows.internal, rows.deleted, rows.unchanged, columns)


def _print_damaged(outcome: "Outcome") -> None:
    for damage in outcome.damaged[:MOST_NAMED]:
        click.echo(printable(f"damaged: call {damage.call_id}, {damage.event_type}: {damage.reason}"), err=True)
    if len(outcome.damaged) > MOST_NAMED:
        click.echo(f"and {len(outcome.damaged) - MOST_NAMED} more; --json names all", err=True)
