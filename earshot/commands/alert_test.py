"""`earshot alerts test`: whether what would be sent about an alert arrives."""

# ruff: noqa: PLC0415 - `earshot --help` would take a second with all programs imported

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from earshot.commands.common import Fault, data_dir_option, setting_faults_told, settings_for
from earshot.commands.numbers import Number
from earshot.commands.servers import database_of, outages_told, redis_of
from earshot.commands.tables import printable
from shared.stages import CHANNELS

if TYPE_CHECKING:
    from earshot.alert_trial import Result, Trial
    from shared.settings import Settings

LOOK_SECONDS = 0.2
NO_CHANNEL = """No channel is set up, so nobody would be told of an alert. Set, in the environment or in {env}:
  Slack    ALERT_SLACK_URL
  webhook  ALERT_WEBHOOK_URL and ALERT_WEBHOOK_SECRET
  e-mail   ALERT_SMTP_URL, ALERT_EMAIL_FROM and ALERT_EMAIL_TO
See docs/how-to/set-up-alerts.md."""
NO_JANITOR = "No janitor acts: no alert will be raised. Start one: earshot janitor (or earshot up, which starts all)"


@click.command("test")
@data_dir_option
@click.option(
    "--channel", "channels", multiple=True, type=click.Choice(CHANNELS), help="Only this channel; repeatable."
)
@click.option("--wait", "wait_seconds", type=Number(0, 3600), default=30, show_default=True, help="Seconds to wait.")
@click.pass_context
def command(ctx: click.Context, /, data_dir: Path, channels: tuple[str, ...], wait_seconds: float) -> None:
    """Send a test by every channel that is set up.

    Raises an alert of the rule `test`, which is over at once, and waits until its notices have arrived. They take the
    way of all others: through the queues and the workers of the channels.
    Exit status: 0 when all have arrived and a janitor acts, which raises the others; 1 otherwise.
    """
    settings = settings_for(["REDIS_URL", "DATABASE_URL"], data_dir)
    chosen = _chosen(settings, channels, data_dir)
    from earshot.alert_trial import Trial

    with outages_told():
        trial = Trial(redis_of(settings), database_of(settings), settings)
        have_arrived = _follow(trial, trial.begin(chosen), wait_seconds)
        janitor_acts = trial.janitor_acts()
    if not janitor_acts:
        click.echo(NO_JANITOR)
    ctx.exit(0 if have_arrived and janitor_acts else 1)


def _chosen(settings: "Settings", channels: Sequence[str], data_dir: Path) -> Sequence[str]:
    from shared.alerting.channels import SETTINGS_OF, channels_of

    with setting_faults_told():
        in_use = channels_of(settings)
    if not in_use and not channels:
        raise Fault(NO_CHANNEL.format(env=data_dir / "env"))
    for channel in channels:
        if channel not in in_use:
            names = " and ".join(name.upper() for name in SETTINGS_OF[channel])
            raise Fault(f"The channel {channel} is not set up. Set {names}; see docs/how-to/set-up-alerts.md.")
    return [channel for channel in in_use if channel in (channels or in_use)]


def _follow(trial: "Trial", alert_id: str, wait_seconds: float) -> bool:
    """Tell of each notice what became of it, once that is known or the time is up; says whether all arrived."""
    click.echo(f"alert {alert_id} raised; waiting up to {wait_seconds:g} s for its notices")
    told: dict[str, Result] = {}
    deadline = time.monotonic() + wait_seconds
    while True:
        is_over = time.monotonic() >= deadline
        results = list(trial.results(alert_id))
        for result in results:
            if result.channel not in told and (is_over or result.outcome != "waiting"):
                told[result.channel] = result
                _tell(result)
        if len(told) == len(results):
            return all(result.outcome == "delivered" for result in told.values())
        _show_progress([result.channel for result in results if result.channel not in told], deadline)
        time.sleep(LOOK_SECONDS)


def _tell(result: "Result") -> None:
    _clear_progress()
    click.echo(f"{result.channel:<8} {printable(result.text)}")


def _show_progress(channels: Sequence[str], deadline: float) -> None:
    if sys.stderr.isatty():
        left = max(deadline - time.monotonic(), 0.0)
        click.echo(f"\r\x1b[Kwaiting for {', '.join(channels)}, {left:.0f} s more", nl=False, err=True)


def _clear_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
