"""Whether a call goes on, has ended, or fell silent without an end being told. Pure."""

from datetime import datetime, timedelta
from typing import Protocol

ENDED = ("finished", "failed")
# Whoever has said nothing for so long has most likely hung up, and nobody told.
LONGEST_SILENCE = timedelta(hours=1)
# The calls in progress are looked for among those of one day.
LONGEST_CALL = timedelta(hours=24)


class Told(Protocol):
    """What is known of a call."""

    @property
    def status(self) -> str | None: ...
    @property
    def began_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def last_message_at(self) -> datetime | None: ...


def is_ended(call: Told) -> bool:
    """Tell whether the end of a call was told."""
    return call.ended_at is not None or call.status in ENDED


def is_live(call: Told, now: datetime) -> bool:
    """Tell whether a call goes on: its end was not told, and something was heard of it lately."""
    bounds = live_bounds(now)
    is_recent = call.began_at >= bounds["began_since"] and heard_at(call) >= bounds["active_since"]
    return is_recent and not is_ended(call)


def silent_since(call: Told, now: datetime) -> datetime | None:
    """Tell since when nothing has been heard of a call that neither ended nor goes on; None of any other."""
    return None if is_ended(call) or is_live(call, now) else heard_at(call)


def heard_at(call: Told) -> datetime:
    """Tell when something was last heard of a call."""
    return max(call.last_message_at or call.began_at, call.began_at)


def live_bounds(now: datetime) -> dict[str, datetime]:
    """Tell from when on a call must have begun, and have been heard of, to go on: parameters of `list_in_progress`."""
    return {"began_since": now - LONGEST_CALL, "active_since": now - LONGEST_SILENCE}
