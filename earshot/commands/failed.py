"""`earshot failed`: what lies dead, why, and since when."""

# ruff: noqa: PLC0415 - `earshot --help` would take a second with all programs imported

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
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
    from shared.dead_letters import DeadLetter, DeadLetters, Survey
    from shared.quarantined import QuarantinedDelivery, QuarantineSurvey
    from shared.settings import Settings

LETTER_COLUMNS = ("failed (UTC)", "stage", "reason", "attempts", "type", "call", "event")
DELIVERY_COLUMNS = ("received (UTC)", "reason", "bytes", "event")


@click.command("failed")
@data_dir_option
@choosing_options
@click.option("--limit", type=WholeNumber(1), default=50, show_default=True, help="How many to show.")
@click.option("--json", "as_json", is_flag=True, help="JSON in place of tables.")
@click.option("--body", is_flag=True, help="With --event: its body alone, as it came. It holds personal data.")
def command(data_dir: Path, **options: Any) -> None:
    """List dead letters, newest first, and why they failed."""
    if options["body"] and not options["event"]:
        raise click.UsageError("--body needs --event: a body is shown of one event at a time")
    with outages_told():
        if options["quarantine"]:
            _list_quarantine(settings_for(["DATABASE_URL"], data_dir), options)
        else:
            _list_dead_letters(settings_for(["REDIS_URL"], data_dir), options)


def _list_dead_letters(settings: "Settings", options: Mapping[str, Any]) -> None:
    from shared.dead_letters import DeadLetters

    dead_letters = DeadLetters(redis_of(settings), settings)
    survey = dead_letters.survey(dead_letter_filter(options), options["limit"])
    if options["body"]:
        _print_body(_body(dead_letters, options["event"]) if survey.letters else None, "a dead letter")
    elif options["as_json"]:
        _print_json(
            total=survey.total,
            counts=[{"stage": stage, "error": error, "count": n} for (stage, error), n in survey.counts.most_common()],
            dead_letters=[asdict(letter) for letter in survey.letters],
        )
    else:
        _print_letters(survey)


def _body(dead_letters: "DeadLetters", event_id: str) -> bytes | None:
    from shared.errors import BadEvent

    try:
        return dead_letters.body(event_id)
    except BadEvent as error:
        raise Fault(f"The body cannot be read: {error}.") from error


def _list_quarantine(settings: "Settings", options: Mapping[str, Any]) -> None:
    from shared.quarantined import Quarantine

    quarantine = Quarantine(database_of(settings))
    wanted = quarantine_filter(options)
    survey = quarantine.survey(wanted, options["limit"])
    if options["body"]:
        found = quarantine.load([delivery.event_id for delivery in survey.deliveries])
        _print_body(found[0].body if found else None, "in quarantine")
    elif options["as_json"]:
        _print_json(
            total=survey.total,
            counts=[{"reason": reason, "count": number} for reason, number in survey.counts.items()],
            quarantine=[asdict(delivery) for delivery in survey.deliveries],
        )
    else:
        _print_deliveries(survey)


def _print_letters(survey: "Survey") -> None:
    if not survey.total:
        click.echo("No dead letters, or none that match.")
        return
    click.echo(f"{survey.total:,} dead letter{'' if survey.total == 1 else 's'}\n")
    counts = ((stage, error, number) for (stage, error), number in survey.counts.most_common())
    print_table(("stage", "error", "number"), counts)
    click.echo()
    print_table(LETTER_COLUMNS, map(_letter_row, survey.letters))
    _tell_rest(survey.total - len(survey.letters))


def _letter_row(letter: "DeadLetter") -> Iterable[object]:
    failed_at = write_moment(letter.failed_at)
    about = (letter.event_type or "-", letter.call_id or "-", letter.event_id)
    return (failed_at, letter.stage, letter.reason, letter.attempts, *about)


def _print_deliveries(survey: "QuarantineSurvey") -> None:
    if not survey.total:
        click.echo("Nothing is in quarantine, or nothing that matches.")
        return
    click.echo(f"{survey.total:,} in quarantine\n")
    print_table(("reason", "number"), survey.counts.items())
    click.echo()
    print_table(DELIVERY_COLUMNS, map(_delivery_row, survey.deliveries))
    _tell_rest(survey.total - len(survey.deliveries))


def _delivery_row(delivery: "QuarantinedDelivery") -> Iterable[object]:
    return (write_moment(delivery.received_at), delivery.reason, delivery.size, delivery.event_id)


def _tell_rest(number: int) -> None:
    if number > 0:
        click.echo(f"\n{number:,} more; show them with --limit, or choose with --stage, --error, --since and the like")


def _print_json(**parts: object) -> None:
    click.echo(json.dumps(parts, default=lambda moment: moment.isoformat(), indent=2))


def _print_body(body: bytes | None, what: str) -> None:
    if body is None:
        raise Fault(f"No event of that id is {what}.")
    click.echo(body, nl=False)
