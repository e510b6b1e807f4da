"""The command `earshot`: the operator's one entry to all programs. Imports what a command needs only when it runs."""

# ruff: noqa: PLC0415 - `earshot --help` would take a second with all programs imported

from importlib import import_module
from pathlib import Path
from typing import Any, cast

import click

from earshot.commands.common import (
    Fault,
    check_channels,
    data_dir_option,
    secret_text,
    setting_faults_told,
    settings_for,
)
from earshot.commands.numbers import Number, WholeNumber
from earshot.errors import EarshotError
from earshot.procfile import PROJECT_PROCFILE
from shared.stages import CHANNELS, QUEUES

DEFAULT_PORT = 8000
DEFAULT_CONSOLE_PORT = 8001
PORT = WholeNumber(1, 65535)
SHARE = Number(0, 1)


# Each is `command` in the module of its name in earshot/commands.
MODULES: tuple[str, ...] = ("janitor", "console", "failed", "replay", "event", "doctor", "rebuild", "alerts")


class Commands(click.Group):
    """Finds the commands that have a module of their own, and turns the errors meant for a person into messages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands."""
        return [*super().list_commands(ctx), *MODULES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command by its name."""
        if cmd_name in MODULES:
            return cast("click.Command", import_module(f"earshot.commands.{cmd_name}").command)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of ours ends it with status 1."""
        try:
            return super().invoke(ctx)
        except EarshotError as error:
            raise Fault(str(error)) from error


url_option = click.option("--url", help="The webhook's URL.  [default: the running ingest of this data directory]")
secret_option = click.option(
    "--secret", help="The webhook's secret; better in WEBHOOK_SECRETS than here.  [default: from D/env]"
)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="earshot")
def main() -> None:
    """Take in a voice-agent platform's webhooks and turn them into rows in PostgreSQL."""


@main.command()
@data_dir_option
@click.option("--port", type=PORT, default=DEFAULT_PORT, show_default=True, envvar="PORT", help="The ingest's port.")
@click.option(
    "--console-port",
    type=PORT,
    default=DEFAULT_CONSOLE_PORT,
    show_default=True,
    envvar="CONSOLE_PORT",
    help="The console's port.",
)
@click.option(
    "--procfile",
    type=click.Path(path_type=Path),
    default=PROJECT_PROCFILE,
    help="The programs to run.  [default: the project's]",
)
@click.option("--sample/--no-sample", default=None, help="Post a sample call.  [default: in the first run]")
def up(data_dir: Path, port: int, console_port: int, procfile: Path, *, sample: bool | None) -> None:
    """Run everything: embedded servers and all programs.

    The programs are those of the Procfile. What they need is set up in the data directory.
    """
    from earshot.up import UpOptions
    from earshot.up import up as run_everything

    with setting_faults_told():
        run_everything(UpOptions(data_dir, procfile, port, console_port, sample))


@main.command()
@data_dir_option
def servers(data_dir: Path) -> None:
    """Run the embedded servers alone, and print their addresses."""
    from earshot.serve_alone import serve_alone

    serve_alone(data_dir)


@main.command()
@data_dir_option
def migrate(data_dir: Path) -> None:
    """Bring the database's tables up to date."""
    settings = settings_for(["DATABASE_URL"], data_dir)
    from shared.errors import DatabaseUnavailable
    from shared.migrations import MigrationError
    from shared.migrations import migrate as apply

    try:
        applied = apply(secret_text(settings.database_url))
    except (DatabaseUnavailable, MigrationError) as error:
        raise Fault(str(error)) from error
    click.echo(f"applied {', '.join(applied)}" if applied else "the database is up to date")


@main.command()
@data_dir_option
def ingest(data_dir: Path) -> None:
    """Take in webhooks over HTTP and put them into the queues."""
    settings = settings_for(["REDIS_URL", "WEBHOOK_SECRETS"], data_dir)
    from ingest.server import serve

    with setting_faults_told():
        serve(settings)


@main.command()
@data_dir_option
@click.argument("stage", type=click.Choice(QUEUES), metavar="STAGE")
@click.option("--burst", is_flag=True, help="End when the queue is empty.")
@click.pass_context
def worker(ctx: click.Context, /, data_dir: Path, stage: str, *, burst: bool) -> None:
    """Work on the queue of one STAGE.

    STAGE is transcripts, metrics, interruptions, lifecycle, sentiment or quarantine, or a channel of alerts: webhook,
    slack or email.
    """
    settings = settings_for(["REDIS_URL", "DATABASE_URL"], data_dir)
    if stage in CHANNELS:
        check_channels(settings)
    from workers.program import run

    with setting_faults_told():
        status = run(settings, stage, burst=burst)
    ctx.exit(status)


@main.command()
@data_dir_option
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@url_option
@secret_option
@click.option("--connections", type=WholeNumber(1, 64), default=4, show_default=True, help="How many at a time.")
@click.pass_context
def send(ctx: click.Context, /, data_dir: Path, files: tuple[str, ...], connections: int, **where: str | None) -> None:
    """Post webhook bodies to a running ingest.

    A FILE holds one JSON document, or one per line; - is standard input.
    """
    from earshot.bodies import read_bodies
    from earshot.sending import send_bodies

    ctx.exit(send_bodies(read_bodies(files), *_where(data_dir, **where), connections))


@main.command()
@data_dir_option
@url_option
@secret_option
@click.option("--calls", type=WholeNumber(1), default=10, show_default=True, help="How many calls.")
@click.option("--messages", type=WholeNumber(1, 1000), default=20, show_default=True, help="Messages of a call.")
@click.option("--at-once", type=WholeNumber(1), default=5, show_default=True, help="Calls that go on side by side.")
@click.option("--rate", type=Number(0.1), default=20, show_default=True, help="Events a second.")
@click.option("--lose", type=SHARE, default=0, show_default=True, help="Share of the events never sent.")
@click.option("--duplicate", type=SHARE, default=0, show_default=True, help="Share of the events sent twice.")
@click.option("--reorder", type=SHARE, default=0, show_default=True, help="Share of the events sent late.")
@click.option("--angry", type=SHARE, default=0, show_default=True, help="Share of callers' messages that are angry.")
@click.option("--live", is_flag=True, help="Calls of now, each event when its moment comes; --rate does not apply.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another one makes other calls.")
@click.pass_context
def simulate(ctx: click.Context, /, data_dir: Path, calls: int, messages: int, **more: Any) -> None:
    """Make calls up and post them to a running ingest.

    They happened yesterday, and are posted evenly; with --live they happen now.
    """
    from earshot.disturbance import Disturbance, disturbed
    from earshot.sending import send_bodies
    from earshot.simulation import Plan, count_events, simulate_calls
    from earshot.timing import at_rate, live_calls, yesterday_ms

    seed, at_once, plan = more["seed"], more["at_once"], Plan(messages, angry=more["angry"])
    disturbance = Disturbance(more["lose"], more["duplicate"], more["reorder"])
    if more["live"]:
        bodies = disturbed(live_calls(seed, calls, at_once, plan), disturbance, seed)
    else:
        events = simulate_calls(seed, calls, at_once, plan, yesterday_ms())
        bodies = at_rate(more["rate"], disturbed(events, disturbance, seed))
    expected = round(calls * count_events(plan) * (1 - disturbance.lose) * (1 + disturbance.duplicate))
    ctx.exit(send_bodies(bodies, *_where(data_dir, more["url"], more["secret"]), 1, expected))


def _where(data_dir: Path, url: str | None, secret: str | None) -> tuple[str, str]:
    from earshot.ports import local_url
    from earshot.posting import WEBHOOK_PATH

    settings = settings_for([], data_dir)
    known = next((secret_text(known) for known in settings.webhook_secrets), "")
    return url or local_url(settings.host, settings.port) + WEBHOOK_PATH, secret or known
