"""`earshot alerts silence`, `silences` and `unsilence`: for how long nobody wants to hear of something."""

# ruff: noqa: PLC0415 - `earshot --help` would take a second with all programs imported

import getpass
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from earshot.commands.common import Fault, data_dir_option, setting_faults_told, settings_for
from earshot.commands.numbers import WholeNumber
from earshot.commands.servers import database_of, outages_told
from earshot.commands.tables import print_table, printable
from earshot.moments import write_moment

if TYPE_CHECKING:
    from shared.alerting.alerts import Alerts, Silence
    from shared.settings import Settings

COLUMNS = ("id", "rule", "call", "until (UTC)", "who", "reason")
LONGEST = timedelta(days=31)
LONGEST_REASON = 500


class Span(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.3
    """A length of time, from a second to 31 days."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read what a person has written."""
        del param, ctx
        from shared.alerting.rules import read_span

        try:
            span = read_span(value)
        except ValueError:
            self.fail(f"{value!r} is no length of time such as 90s, 30m, 2h or 1d")
        if not isinstance(span, timedelta) or not timedelta(0) < span <= LONGEST:
            self.fail("a silence lasts from 1s to 31d")
        return span


@click.command("silence")
@data_dir_option
@click.argument("rule", required=False)
@click.option("--all", "is_for_all", is_flag=True, help="All rules, in place of one.")
@click.option("--for", "span", type=Span(), required=True, help="For how long: 90s, 30m, 2h, 1d; 31d at most.")
@click.option("--call", "call_id", metavar="ID", default="", help="Only alerts about this call.")
@click.option("--reason", metavar="TEXT", default="", help="Why, for others to read.")
def silence_command(data_dir: Path, rule: str | None, span: timedelta, **options: Any) -> None:
    """Send no notices of a RULE's alerts for a while.

    Alerts are raised and listed as ever. One that is still open when the silence ends is sent then.
    """
    if (rule is None) != options["is_for_all"]:
        raise click.UsageError("name a RULE, or give --all for all of them")
    if len(options["reason"]) > LONGEST_REASON:
        raise click.UsageError(f"a reason has at most {LONGEST_REASON} characters")
    settings = settings_for(["DATABASE_URL"], data_dir)
    if rule is not None:
        _check_rule(settings, rule)
    ends_at = datetime.now(UTC) + span
    with outages_told():
        silence_id = alerts_of(settings).silence(rule or "", options["call_id"], ends_at, who(), options["reason"])
    click.echo(f"silence {silence_id} holds until {write_moment(ends_at)} UTC")


@click.command("silences")
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_command(data_dir: Path, *, as_json: bool) -> None:
    """List the silences that hold."""
    settings = settings_for(["DATABASE_URL"], data_dir)
    with outages_told():
        silences = alerts_of(settings).silences()
    if as_json:
        click.echo(json.dumps({"silences": [asdict(one) for one in silences]}, default=str, indent=2))
    elif silences:
        print_table(COLUMNS, map(_row, silences))
    else:
        click.echo("No silence holds.")


@click.command("unsilence")
@data_dir_option
@click.argument("silence_id", metavar="ID", type=WholeNumber(1, 2**63 - 1))
def unsilence_command(data_dir: Path, silence_id: int) -> None:
    """End the silence ID before its time."""
    settings = settings_for(["DATABASE_URL"], data_dir)
    with outages_told():
        has_ended = alerts_of(settings).end_silence(silence_id)
    if not has_ended:
        raise Fault(f"No silence {silence_id} holds. See: earshot alerts silences")
    click.echo(f"silence {silence_id} has ended")


def alerts_of(settings: "Settings") -> "Alerts":
    """Give the alerts of DATABASE_URL."""
    from shared.alerting.alerts import Alerts

    return Alerts(database_of(settings))


def who() -> str:
    """Name the account that gives the command; one without a name by its number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"uid {os.getuid()}"


def _check_rule(settings: "Settings", rule: str) -> None:
    from shared.alerting.rules_file import load_rules

    with setting_faults_told():
        rules = load_rules(settings)
    if rule not in rules:
        close = get_close_matches(rule, list(rules), n=1)
        meant = f" Did you mean {close[0]}?" if close else ""
        raise Fault(f"There is no rule {printable(rule)}.{meant} See: earshot alerts rules")


def _row(silence: "Silence") -> Iterable[object]:
    about = (silence.rule or "all", silence.call_id or "all")
    return (silence.silence_id, *about, write_moment(silence.ends_at), silence.who, silence.reason or "-")
