"""The page of the calls that go on now, and of the ones before them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Blueprint, render_template, request

from console.api.operations import Row
from console.pages.liveness import live_bounds
from console.pages.marks import Marks, read_marks
from console.services import Services
from console.streams.horizon import read_horizon
from shared.queries import queries

MOST_LIVE, MOST_RECENT = 100, 20
# A call that began late but ended early is found among so many that began last.
RECENT_LOOKED_AT = 200
# In a call, nothing said for so long is worth a look.
QUIET = timedelta(seconds=60)


class RecentCall(Row):
    """A call as the page lists it; `active_at` is when something was last heard of it."""

    call_id: str
    assistant_id: str | None
    assistant_name: str | None
    direction: str | None
    status: str | None
    began_at: datetime
    ended_at: datetime | None
    duration_ms: float | None
    message_count: int
    last_message_at: datetime | None
    active_at: datetime


class LiveCall(RecentCall):
    """A call that goes on, with its last words; `calls` is how many such there are in all."""

    calls: int
    last_role: str | None
    last_text: str | None


@dataclass(frozen=True, slots=True)
class LivePage:
    """What the page shows, as of `now`."""

    now: datetime
    live: Sequence[LiveCall]
    recent: Sequence[RecentCall]
    marks: Mapping[str, Marks]
    slow_turn_ms: int

    @property
    def rest(self) -> int:
        """How many calls go on beyond those that are listed."""
        return self.live[0].calls - len(self.live) if self.live else 0

    def lasted_ms(self, call: RecentCall) -> float:
        """Tell how long a call has gone on."""
        return max(0.0, (self.now - call.began_at) / timedelta(milliseconds=1))

    def is_quiet(self, call: RecentCall) -> bool:
        """Tell whether nobody has said anything for long."""
        return self.now - call.active_at >= QUIET

    def slow_ms(self, call: RecentCall) -> float | None:
        """Give the slowest turn of a call where it was slow."""
        slowest_ms = self.marks[call.call_id].slowest_turn_ms
        return slowest_ms if slowest_ms is not None and slowest_ms >= self.slow_turn_ms else None


def add_pages(blueprint: Blueprint, services: Services) -> None:
    """Add the first page; `?part=calls` gives its list alone, for its script."""

    @blueprint.get("/")
    def live() -> str:
        if request.args.get("part") == "calls":
            return render_template("_live_calls.html", page=read_live(services, datetime.now(UTC)))
        horizon = read_horizon(services.store)
        return render_template("live.html", page=read_live(services, datetime.now(UTC)), horizon=horizon)


def read_live(services: Services, now: datetime) -> LivePage:
    """Read what the page shows."""
    statements, bounds = queries("console_pages"), live_bounds(now)
    live_rows = services.store.rows(statements["list_in_progress"], {**bounds, "limit": MOST_LIVE})
    recent_rows = services.store.rows(
        statements["list_recent"], {**bounds, "looked_at": RECENT_LOOKED_AT, "limit": MOST_RECENT}
    )
    live = [LiveCall.model_validate(row) for row in live_rows]
    recent = [RecentCall.model_validate(row) for row in recent_rows]
    marks = read_marks(services, [call.call_id for call in (*live, *recent)])
    return LivePage(now, live, recent, marks, services.settings.slow_turn_ms)
