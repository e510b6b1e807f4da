"""Which dead letters or deliveries a command is about: its options, and the filters that come of them."""

# ruff: noqa: PLC0415 - `earshot --help` would take a second with all programs imported

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from earshot.moments import read_moment
from shared.stages import QUEUES

if TYPE_CHECKING:
    from shared.filters import DeadLetterFilter, QuarantineFilter

_Function = TypeVar("_Function", bound=Callable[..., Any])

OF_DEAD_LETTERS = ("stage", "error", "call")
OF_QUARANTINE = ("reason",)


class Moment(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.3
    """A date, a time, or how long ago."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read what a person has written."""
        del param, ctx
        if isinstance(value, datetime):
            return value
        try:
            return read_moment(value, datetime.now(UTC))
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither a time such as 2026-11-23T09:00 (UTC) nor how long ago, such as 2h or 3d")


_OPTIONS = (
    click.option("--stage", type=click.Choice(QUEUES), help="Only this stage."),
    click.option("--error", metavar="CLASS", help="Only this class of error."),
    click.option("--since", type=Moment(), help="Only from this time on: 2026-11-23T09:00 (UTC), or 2h, 3d ago."),
    click.option("--until", type=Moment(), help="Only up to this time."),
    click.option("--call", metavar="ID", help="Only this call."),
    click.option("--event", metavar="ID", help="Only this event."),
    click.option("--quarantine", is_flag=True, help="The deliveries in quarantine in place of the dead letters."),
    click.option("--reason", metavar="WORD", help="With --quarantine: only this reason."),
)


def choosing_options(function: _Function) -> _Function:
    """Give a command the options that say which dead letters or deliveries it is about."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def dead_letter_filter(options: Mapping[str, Any]) -> "DeadLetterFilter":
    """Make a filter of the options. Raises UsageError for one that is about quarantine only."""
    from shared.filters import DeadLetterFilter

    _refuse(options, OF_QUARANTINE, "goes with --quarantine only")
    return DeadLetterFilter(
        stage=options["stage"],
        error=options["error"],
        call_id=options["call"],
        event_id=options["event"],
        since=options["since"],
        until=options["until"],
    )


def quarantine_filter(options: Mapping[str, Any]) -> "QuarantineFilter":
    """Make a filter of the options. Raises UsageError for one that is about dead letters only."""
    from shared.filters import QuarantineFilter

    _refuse(options, OF_DEAD_LETTERS, "says nothing about quarantine: there --reason, --event and times choose")
    return QuarantineFilter(
        reason=options["reason"], event_id=options["event"], since=options["since"], until=options["until"]
    )


def _refuse(options: Mapping[str, Any], names: tuple[str, ...], why: str) -> None:
    for name in names:
        if options[name] is not None:
            raise click.UsageError(f"--{name} {why}")
