"""`earshot console`: the calls, their figures and the operations, for people and by an API."""

# ruff: noqa: PLC0415 - `earshot --help` would take a second with all programs imported

from pathlib import Path

import click

from earshot.commands.common import data_dir_option, setting_faults_told, settings_for


@click.command("console")
@data_dir_option
def command(data_dir: Path) -> None:
    """Show calls and operations to people and programs.

    Listens on HOST and CONSOLE_PORT (127.0.0.1:8001); one of CONSOLE_TOKENS opens it, in the browser as for the API.
    """
    settings = settings_for(["REDIS_URL", "DATABASE_URL", "CONSOLE_TOKENS"], data_dir)
    from console.server import serve

    with setting_faults_told():
        serve(settings)
