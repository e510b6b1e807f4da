"""What the page of one call shows, as values. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from console.api.alerts import Alert
from console.api.calls import CallDetail
from console.api.histories import Status
from console.pages.conversation import Bubble, PlacedIncident
from console.pages.liveness import is_ended, is_live
from console.pages.marks import Marks
from console.pages.paging import Page


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the conversation, and above it."""

    statuses: Sequence[Status]
    incidents: Sequence[PlacedIncident]
    interruptions: int
    marks: Marks
    alerts: Sequence[Alert] = ()


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
    is_from_beginning: bool = True

    @property
    def leading_incidents(self) -> Sequence[PlacedIncident]:
        """What went wrong before anything was said, if that is where the bubbles begin."""
        if not self.is_from_beginning:
            return ()
        return [incident for incident in self.beside.incidents if incident.behind_message_id is None]

    def shows(self, incident: PlacedIncident) -> bool:
        """Tell whether an incident stands among the bubbles."""
        if incident.behind_message_id is None:
            return self.is_from_beginning
        return any(incident in bubble.incidents for bubble in self.bubbles)

    @property
    def is_slow(self) -> bool:
        """Whether a turn of it was slow."""
        return (self.beside.marks.slowest_turn_ms or 0) >= self.slow_turn_ms

    @property
    def is_live(self) -> bool:
        """Whether the call goes on."""
        return is_live(self.call, self.now)

    @property
    def is_ended(self) -> bool:
        """Whether its end was told."""
        return is_ended(self.call)

    @property
    def lasting(self) -> str:
        """What `lasted_ms` tells."""
        if self.is_live:
            return "Lasts for"
        return "Lasted" if self.is_ended else "Heard for"

    @property
    def lasted_ms(self) -> float | None:
        """How long the call took, as the platform counts it; before it does, by the clock."""
        if self.call.duration_ms:
            return self.call.duration_ms
        until = self.now if self.is_live else self.call.ended_at or self.call.last_message_at
        return None if until is None else (until - self.call.began_at) / timedelta(milliseconds=1)

    @property
    def cost_lines(self) -> Sequence[tuple[str, float]]:
        """What the call cost, by what it was spent on; nothing where that is no more than the total."""
        lines = cost_lines(self.call.cost or {})
        is_total = len(lines) == 1 and lines[0][1] == self.call.total_cost
        return () if is_total else lines


def cost_lines(cost: Mapping[str, JsonValue]) -> Sequence[tuple[str, float]]:
    """List the amounts of a cost, the total last; its durations are none."""
    amounts = [
        (name, float(value))
        for name, value in cost.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and "duration" not in name.lower()
    ]
    return sorted(amounts, key=lambda line: (line[0].lower().startswith("total"), -line[1]))
