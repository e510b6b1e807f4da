"""`earshot janitor`: dispatch again what was lost on its way, raise alerts, and end what has been kept for long."""

# ruff: noqa: PLC0415 - `earshot --help` would take a second with all programs imported

from pathlib import Path

import click

from earshot.commands.common import check_alerting, data_dir_option, settings_for


@click.command("janitor")
@data_dir_option
@click.pass_context
def command(ctx: click.Context, /, data_dir: Path) -> None:
    """Mend what got lost, keep figures, raise alerts.

    Start several, and one of them acts.
    """
    settings = settings_for(["REDIS_URL", "DATABASE_URL"], data_dir)
    check_alerting(settings)
    from workers.janitor import run

    ctx.exit(run(settings))
