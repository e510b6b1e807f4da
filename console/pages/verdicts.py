"""What the figures of a queue mean, in words that say whether somebody must do something. Pure."""

from dataclasses import dataclass
from typing import Literal

from console.api.queues import QueueOfStage

# A stage that keeps up takes an event within a second or so; what waits longer waits behind others.
PROMPT_SECONDS = 10.0
STUCK_SECONDS = 60.0

_MINUTE, _HOUR = 60, 3600


@dataclass(frozen=True, slots=True)
class Verdict:
    """A word about a queue, how it is to be taken, and what it means."""

    word: str
    tone: Literal["good", "warn", "bad"]
    meaning: str


def judge(queue: QueueOfStage) -> Verdict:
    """Say how a queue stands."""
    if not queue.workers:
        return _without_workers(queue)
    if not queue.depth:
        return Verdict("Working" if queue.at_work else "Idle", "good", "Nothing waits.")
    if queue.rate is None:
        return Verdict("Waiting", "bad", "PostgreSQL cannot be read; events wait here and are not lost.")
    return _with_backlog(queue, queue.rate)


def _with_backlog(queue: QueueOfStage, rate: float) -> Verdict:
    if queue.oldest_seconds < PROMPT_SECONDS:
        return Verdict("Moving", "good", "Events are taken within seconds.")
    if rate:
        return Verdict("Behind", "warn", f"At this rate it is empty in {_long(queue.depth / rate)}.")
    if queue.oldest_seconds < STUCK_SECONDS:
        return Verdict("Waiting", "warn", "Nothing was stored yet in the last minute.")
    return Verdict("Stuck", "bad", "Workers are there, and nothing was stored in the last minute: see their log.")


def _without_workers(queue: QueueOfStage) -> Verdict:
    start = f"Start one: earshot worker {queue.stage}."
    if queue.depth:
        return Verdict("Nobody listens", "bad", f"Events wait and no worker is there. {start}")
    return Verdict("Nobody listens", "warn", f"Nothing waits, but no worker is there. {start}")


def _long(seconds: float) -> str:
    if seconds < _MINUTE:
        return "less than a minute"
    if seconds < _HOUR:
        return f"about {seconds / _MINUTE:.0f} min"
    return f"about {seconds / _HOUR:.0f} h"
