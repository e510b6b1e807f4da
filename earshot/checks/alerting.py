"""Alerts: their rules and channels are set right, changes are looked at, and what was to be sent has been."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from earshot.checks.findings import Finding, duration, ok, problem, warning
from shared.alerting.channels import channels_of
from shared.alerting.rules import Rules
from shared.alerting.rules_file import load_rules, rules_path
from shared.database import Connection, Database
from shared.queries import queries
from shared.settings import Settings, SettingsError
from shared.stages import CHANNELS

BEHIND_SECONDS = 120
UNDELIVERED_SECONDS = 120
LATELY = timedelta(days=7)


def check_files(settings: Settings) -> Iterator[Finding]:
    """Look at the rules, and at the settings of the channels."""
    yield from _rules(settings)
    try:
        told = ", ".join(channels_of(settings))
    except SettingsError as error:
        remedy = "Mend them, or take all of that channel away: docs/how-to/set-up-alerts.md"
        yield problem("alerts.channels", " ".join(str(error).split()), remedy)
    else:
        nobody = "No channel is set up: alerts are shown in the console only"
        yield ok("alerts.channels", f"Alerts are sent by {told}" if told else nobody)


def check_alerts(database: Database, *, janitor_acts: bool) -> Iterator[Finding]:
    """Look at what the database tells of alerts. Raises DatabaseUnavailable."""
    with database.transaction() as connection:
        found = connection.execute(queries("alert_operations")["has_tables"]).fetchone()
        if not found or not found["are_there"]:
            return  # which the check of the migrations tells
        seconds = _seconds_since_last_look(connection)
        since = datetime.now(UTC) - LATELY
        channels = {"channels": list(CHANNELS)}
        waiting = connection.execute(queries("alert_operations")["read_oldest_waiting"], channels).fetchall()
        given_up = connection.execute(queries("alert_operations")["count_given_up"], {"since": since}).fetchall()
    if janitor_acts and seconds is not None:
        yield _last_look(seconds)
    for row in waiting:
        yield from _delivery(row["channel"], row["seconds"])
    for row in given_up:
        yield _given_up(row["channel"], row["number"])


def _rules(settings: Settings) -> Iterator[Finding]:
    try:
        rules = load_rules(settings)
    except SettingsError as error:
        remedy = "Mend the file: docs/reference/alerts-file.md tells every key. No janitor starts with it."
        yield problem("alerts.rules", " ".join(str(error).split()), remedy)
    else:
        yield _rules_in_force(settings, rules)


def _rules_in_force(settings: Settings, rules: Rules) -> Finding:
    enabled = [rule for rule in rules.values() if rule.enabled]
    try:
        missing = sorted({name for rule in enabled for name in rule.channels or ()} - set(channels_of(settings)))
    except SettingsError:
        missing = []
    if not enabled:
        text = f"No rule is enabled in {rules_path(settings)}: no alert is raised"
        return warning("alerts.rules", text, "Enable one: docs/reference/alerts-file.md tells what there is.")
    if missing:
        text = f"Rules of alerts name channels that are not set up: {', '.join(missing)}"
        return warning("alerts.rules", text, "Set them up, or take them out of the rules: earshot alerts rules")
    return ok("alerts.rules", f"{len(enabled)} {'rule' if len(enabled) == 1 else 'rules'} of alerts in force")


def _seconds_since_last_look(connection: Connection) -> float | None:
    row = connection.execute(queries("alert_operations")["read_last_look"]).fetchone()
    return None if row is None else row["seconds_ago"]


def _last_look(seconds: float) -> Finding:
    if seconds < BEHIND_SECONDS:
        return ok("alerts.last_look", "The janitor looks for alerts")
    text = f"The janitor acts, but has not looked for alerts for {duration(seconds)}"
    return warning("alerts.last_look", text, "See its log for what it waits for; then start it anew.")


def _delivery(channel: str, seconds: float) -> Iterator[Finding]:
    if seconds >= UNDELIVERED_SECONDS:
        text = f"The oldest notice of an alert has not been taken for {duration(seconds)}"
        yield warning(f"{channel}.delivery", text, "See why: earshot alerts test. It is tried again by itself.")


def _given_up(channel: str, number: int) -> Finding:
    days = LATELY.days
    text = f"{number} {'notice' if number == 1 else 'notices'} of alerts given up in the last {days} days"
    return warning(f"{channel}.given_up", text, f"See why: earshot failed --stage {channel}; earshot alerts test")
