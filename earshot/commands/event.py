"""`earshot event`: what became of one event, or of the events of a call."""

# ruff: noqa: PLC0415 - `earshot --help` would take a second with all programs imported

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from earshot.commands.common import Fault, data_dir_option, settings_for
from earshot.commands.numbers import WholeNumber
from earshot.commands.servers import database_of, redis_of
from earshot.commands.tables import printable
from earshot.moments import write_moment

if TYPE_CHECKING:
    from earshot.spooled import SpooledEvent
    from shared.event_stories import PendingStage, StoredStage, Stories, Story, Told
    from shared.settings import Settings


@click.command("event")
@data_dir_option
@click.argument("event_id", metavar="ID", required=False)
@click.option("--call", "call_id", metavar="ID", help="The events of this call, in place of a single one.")
@click.option("--limit", type=WholeNumber(1, 1000), default=20, show_default=True, help="With --call: how many.")
def command(data_dir: Path, event_id: str | None, call_id: str | None, limit: int) -> None:
    """Tell what became of the event ID.

    The first 8 characters of an id are enough where they name only one.
    """
    if (event_id is None) == (call_id is None):
        raise click.UsageError("give the ID of an event, or a call by --call")
    settings = settings_for(["REDIS_URL", "DATABASE_URL"], data_dir)
    stories = _stories(settings)
    if event_id is not None:
        _tell_event(settings, stories, event_id)
    else:
        _tell_call(settings, stories, call_id or "", limit)


def _stories(settings: "Settings") -> "Stories":
    from shared.event_stories import Stories

    return Stories(redis_of(settings), database_of(settings).transaction)


def _tell_event(settings: "Settings", stories: "Stories", event_id: str) -> None:
    from earshot.spooled import find_spooled
    from shared.event_stories import UnclearEvent

    try:
        told = stories.of_event(event_id)
    except UnclearEvent as error:
        raise Fault(f"{error}.") from error
    spooled = find_spooled(settings.spool_dir, 2, beginning=event_id.strip().lower())
    _tell(told, spooled)
    if not told.stories and not spooled:
        raise Fault(_unknown(settings, told))


def _tell_call(settings: "Settings", stories: "Stories", call_id: str, limit: int) -> None:
    from earshot.spooled import find_spooled

    told = stories.of_call(call_id, limit)
    spooled = find_spooled(settings.spool_dir, limit, call_id=call_id)
    _tell(told, spooled)
    if not told.stories and not spooled:
        raise Fault(_unknown(settings, told).replace("this event", "an event of this call"))


def _unknown(settings: "Settings", told: "Told") -> str:
    if told.silent:
        return f"Nothing is known of this event, but {' and '.join(told.silent)} could not be asked."
    return (
        "Nothing is known of this event: it never came, it was refused, it waits in the spool of another machine, or "
        f"its last stage was done more than {settings.receipt_days} days ago (RECEIPT_DAYS)."
    )


def _tell(told: "Told", spooled: Iterable["SpooledEvent"]) -> None:
    for name in told.silent:
        click.echo(f"{name} could not be asked; what it knows is missing here.", err=True)
    texts = [*map(_spooled_text, spooled), *("\n".join(_lines(story)) for story in told.stories)]
    for number, text in enumerate(texts):
        click.echo("\n" * (number > 0) + text)


def _spooled_text(event: "SpooledEvent") -> str:
    waits = "cannot be read, and waits for a person" if event.is_unreadable else "waits until Redis takes it"
    about = f"{event.event_type or 'unreadable delivery'} of call {printable(event.call_id) or '-'}"
    return (
        f"event {event.event_id}\n  {about}\n  received {write_moment(event.received_at)} UTC\n"
        f"  in the spool of this machine: {waits}; for {printable(event.stages)}"
    )


def _lines(story: "Story") -> Iterator[str]:
    size = f", {story.size:,} bytes" if story.size is not None else ""
    yield f"event {story.event_id}"
    yield f"  {printable(story.event_type) or 'delivery without a type'} of call {printable(story.call_id) or '-'}"
    yield f"  received {write_moment(story.received_at)} UTC{size}"
    yield from (f"  {stage.stage}: {_of_stored(stage)}" for stage in story.stored)
    yield from (f"  {stage.stage}: {_of_pending(stage)}" for stage in story.pending)
    if story.quarantine_reason:
        yield f"  in quarantine: {printable(story.quarantine_reason)}"
    if story.is_snapshot:
        yield "  it is the stored snapshot of its call"


def _of_stored(stage: "StoredStage") -> str:
    when = f"stored {write_moment(stage.stored_at)} UTC"
    if stage.written == 0:
        return f"{when}, nothing new: it had nothing for this stage, or other events had told as much"
    return f"{when}, {stage.written} row{'' if stage.written == 1 else 's'} written"


def _of_pending(stage: "PendingStage") -> str:
    since = f"{write_moment(stage.since)} UTC" if stage.since else "a time nobody wrote down"
    spent = f"{stage.attempts} attempt{'' if stage.attempts == 1 else 's'} failed"
    why = f": {printable(stage.reason)}" if stage.reason else ""
    return {
        "waiting": f"waiting since {since}; {stage.attempts_left} attempts left, {spent}{why}",
        "at work": f"at work since {since}; {stage.attempts_left} attempts left with this one, {spent}{why}",
        "retry": f"failed, next attempt due at {since}; {stage.attempts_left} left, {spent}{why}",
        "dead letter": f"dead letter since {since}; {spent}{why}",
        "no job": "pending, and no job for it: the janitor dispatches it again",
    }[stage.state]
