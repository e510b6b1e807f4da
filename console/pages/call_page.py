"""What the page of one call shows, as values. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from console.api.calls import CallDetail
from console.api.histories import Incident, Status
from console.pages.conversation import Bubble
from console.pages.marks import Marks
from console.pages.paging import Page

# Whoever has said nothing for so long has most likely hung up, and nobody told.
LONGEST_SILENCE = timedelta(hours=1)
ENDED = ("finished", "failed")


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the conversation."""

    statuses: Sequence[Status]
    incidents: Sequence[Incident]
    interruptions: int
    marks: Marks


@dataclass(frozen=True, slots=True)
class CallPage:
    """The page as of `now`; `focus` is the turn that was asked for, if the call has it, or else it is `missed`."""

    call: CallDetail
    page: Page
    bubbles: Sequence[Bubble]
    beside: Beside
    slow_turn_ms: int
    now: datetime
    focus: str | None = None
    missed: str | None = None

    @property
    def is_slow(self) -> bool:
        """Whether a turn of it was slow."""
        return (self.beside.marks.slowest_turn_ms or 0) >= self.slow_turn_ms

    @property
    def is_live(self) -> bool:
        """Whether the call goes on."""
        return is_live(self.call, self.now)

    @property
    def lasted_ms(self) -> float | None:
        """How long the call took, as the platform counts it; before it does, by the clock."""
        if self.call.duration_ms:
            return self.call.duration_ms
        until = self.now if self.is_live else self.call.ended_at or self.call.last_message_at
        return None if until is None else (until - self.call.began_at) / timedelta(milliseconds=1)

    @property
    def cost_lines(self) -> Sequence[tuple[str, float]]:
        """What the call cost, by what it was spent on."""
        return cost_lines(self.call.cost or {})


def is_live(call: CallDetail, now: datetime) -> bool:
    """Tell whether a call goes on: nobody told of its end, and something was heard of it lately."""
    is_open = call.ended_at is None and call.status not in ENDED
    return is_open and now - (call.last_message_at or call.began_at) < LONGEST_SILENCE


def cost_lines(cost: Mapping[str, JsonValue]) -> Sequence[tuple[str, float]]:
    """List the amounts of a cost, the total last; its durations are none."""
    amounts = [
        (name, float(value))
        for name, value in cost.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and "duration" not in name.lower()
    ]
    return sorted(amounts, key=lambda line: (line[0].lower().startswith("total"), -line[1]))
