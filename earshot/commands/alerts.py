"""`earshot alerts`: what was raised, by which rules, and what people do about it."""

# ruff: noqa: PLC0415 - `earshot --help` would take a second with all programs imported

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from earshot.commands.alert_test import command as test_command
from earshot.commands.choosing import Moment
from earshot.commands.common import Fault, data_dir_option, setting_faults_told, settings_for
from earshot.commands.numbers import WholeNumber
from earshot.commands.servers import outages_told
from earshot.commands.silences import (
    alerts_of,
    silence_command,
    unsilence_command,
    who,
)
from earshot.commands.silences import (
    list_command as list_silences_command,
)
from earshot.commands.tables import print_table, printable
from earshot.moments import write_moment

if TYPE_CHECKING:
    from shared.alerting.alerts import Alert, AlertFilter, Alerts, State
    from shared.alerting.rule_faults import AnyRule

ALERT_COLUMNS = ("raised (UTC)", "severity", "rule", "state", "call", "about", "lasts", "alert")
RULE_COLUMNS = ("rule", "kind", "severity", "raised when", "told by")
BEGINNING = re.compile(r"[0-9a-f]{4,32}")
OF_EVERY_RULE = {"name", "kind", "enabled", "severity", "channels", "assistants", "tell_end"}


@click.group("alerts")
def command() -> None:
    """List alerts, acknowledge, silence and test them."""


@command.command("list")
@data_dir_option
@click.option("--all", "is_for_all", is_flag=True, help="Those that are over, too.")
@click.option("--unacknowledged", is_flag=True, help="Those that nobody has acknowledged, open or over.")
@click.option("--rule", metavar="NAME", help="Only of this rule.")
@click.option("--call", "call_id", metavar="ID", help="Only about this call.")
@click.option("--since", type=Moment(), help="Only from this time on: 2026-11-23T09:00 (UTC), or 2h, 3d ago.")
@click.option("--limit", type=WholeNumber(1, 10_000), default=50, show_default=True, help="How many to show.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_command(data_dir: Path, limit: int, *, as_json: bool, **options: Any) -> None:
    """List the alerts that are open, newest first."""
    if options["is_for_all"] and options["unacknowledged"]:
        raise click.UsageError("give --all or --unacknowledged, not both")
    settings = settings_for(["DATABASE_URL"], data_dir)
    with outages_told():
        found = alerts_of(settings).list(_filter(options), limit + 1)
    shown, has_more = found[:limit], len(found) > limit
    if as_json:
        document = {"alerts": [asdict(alert) for alert in shown], "has_more": has_more}
        click.echo(json.dumps(document, default=_plain, indent=2))
    else:
        _print_alerts(shown, has_more=has_more)


@command.command("rules")
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def rules_command(data_dir: Path, *, as_json: bool) -> None:
    """Show the rules that are in force, and who is told."""
    from shared.alerting.channels import channels_of
    from shared.alerting.rules_file import load_rules, rules_path

    settings = settings_for([], data_dir)
    with setting_faults_told():
        rules, in_use = load_rules(settings), channels_of(settings)
    if as_json:
        document = {name: {**rule.model_dump(), **_thresholds(rule)} for name, rule in rules.items()}
        click.echo(json.dumps({"rules": document, "channels": in_use}, indent=2))
        return
    if rules:
        print_table(RULE_COLUMNS, (_rule_row(name, rule, in_use) for name, rule in rules.items()))
    told = ", ".join(in_use) or "none, see docs/how-to/set-up-alerts.md"
    if not any(rule.enabled for rule in rules.values()):
        click.echo("\nNo rule is enabled: no alert is raised.")
    click.echo(f"\nThe rules of {rules_path(settings)}. Channels that are set up: {told}.")


@command.command("acknowledge")
@data_dir_option
@click.argument("alert_ids", metavar="ID...", nargs=-1, required=True)
def acknowledge_command(data_dir: Path, alert_ids: tuple[str, ...]) -> None:
    """Put down that you have taken note of alerts.

    The first characters of an ID are enough where they name only one.
    """
    settings = settings_for(["DATABASE_URL"], data_dir)
    with outages_told():
        alerts = alerts_of(settings)
        named = list(dict.fromkeys(_find(alerts, alert_id) for alert_id in alert_ids))
        number = alerts.acknowledge(named, who())
    before = len(named) - number
    click.echo(f"{number} acknowledged" + (f", {before} had been acknowledged before" if before else ""))


for other in (test_command, silence_command, list_silences_command, unsilence_command):
    command.add_command(other)


def _filter(options: Any) -> "AlertFilter":
    from shared.alerting.alerts import AlertFilter

    state: State = "all" if options["is_for_all"] else "unacknowledged" if options["unacknowledged"] else "open"
    return AlertFilter(state, options["rule"], options["call_id"], options["since"])


def _print_alerts(alerts: "Sequence[Alert]", *, has_more: bool) -> None:
    if not alerts:
        click.echo("No alerts, or none that match. Those that are over are shown with --all.")
        return
    print_table(ALERT_COLUMNS, map(_alert_row, alerts))
    if has_more:
        click.echo("\nThere are more; show them with --limit, or choose with --rule, --call and --since")


def _alert_row(alert: "Alert") -> Iterable[object]:
    when, about = write_moment(alert.raised_at), alert.subject or "-"
    lasts = (alert.resolved_at or datetime.now(UTC)) - alert.began_at
    told = (alert.severity, alert.rule, _state(alert), alert.call_id or "-", about, _lasting(lasts))
    return (when, *told, alert.alert_id)


def _state(alert: "Alert") -> str:
    words = {
        "resolved" if alert.resolved_at else "open": True,
        "acknowledged": alert.acknowledged_at is not None,
        "silenced": alert.is_silenced,
    }
    return ", ".join(word for word, holds in words.items() if holds)


def _lasting(span: timedelta) -> str:
    from earshot.checks.findings import duration

    return duration(max(span.total_seconds(), 0.0))


def _rule_row(name: str, rule: "AnyRule", in_use: Sequence[str]) -> Iterable[object]:
    thresholds = ", ".join(f"{key} {value}" for key, value in _thresholds(rule).items()) or "it is told"
    assistants = len(getattr(rule, "assistants", ()))
    whose = f"; of {assistants} assistants" if assistants else ""
    return (name, rule.kind, rule.severity, thresholds + whose, _told_by(rule, in_use))


def _told_by(rule: "AnyRule", in_use: Sequence[str]) -> str:
    if not rule.enabled:
        return "off"
    wanted = in_use if rule.channels is None else rule.channels
    return ", ".join(name if name in in_use else f"{name} (not set up)" for name in wanted) or "nobody"


def _thresholds(rule: "AnyRule") -> dict[str, Any]:
    from shared.alerting.rule_faults import write_span

    own = {key: value for key, value in rule if key not in OF_EVERY_RULE and value is not None}
    return {key: write_span(value) if isinstance(value, timedelta) else value for key, value in own.items()}


def _find(alerts: "Alerts", beginning: str) -> str:
    beginning = beginning.strip().lower()
    if not BEGINNING.fullmatch(beginning):
        raise Fault("An alert's id has 32 of the characters 0-9 and a-f; give at least the first 4 of them.")
    found = alerts.find(beginning)
    if len(found) != 1:
        told = "Several alerts begin" if found else "No alert begins"
        raise Fault(f"{told} with {printable(beginning)}. See: earshot alerts list --all")
    return found[0]


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
