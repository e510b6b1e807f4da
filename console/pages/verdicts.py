"""What figures of queues and of past replays mean, in words that say whether somebody must do something. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from console.api.queues import QueueOfStage
from console.api.replays import Replay

# A stage that keeps up takes an event within a second or so; what waits longer waits behind others.
PROMPT_SECONDS = 10.0
STUCK_SECONDS = 60.0

LONGEST_ERROR = 60

Tone = Literal["good", "warn", "bad", "plain"]

_MINUTE, _HOUR = 60, 3600
_RUN_TONES: Mapping[str, Tone] = {"failed": "bad", "interrupted": "warn"}
_DONE = {"replay": "replayed", "discard": "discarded"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A word about a matter, how it is to be taken, and what it means."""

    word: str
    tone: Tone
    meaning: str

    def saying(self, meaning: str) -> "Verdict":
        """The same word with another meaning."""
        return replace(self, meaning=meaning)


def judge(queue: QueueOfStage) -> Verdict:
    """Say how a queue stands, and what of it has failed."""
    verdict, failures = _judge_flow(queue), _failures(queue)
    if not failures:
        return verdict
    if verdict.word == "Idle":
        return Verdict("Retrying" if queue.retrying else "Idle", "warn", failures)
    return Verdict(verdict.word, "bad" if verdict.tone == "bad" else "warn", f"{verdict.meaning} {failures}")


def judge_run(run: Replay) -> Verdict:
    """Say how a past replay or discarding came out."""
    if run.outcome != "done":
        return Verdict(run.outcome, _RUN_TONES.get(run.outcome, "plain"), "")
    if not run.replayed:
        return Verdict(f"nothing {_DONE.get(run.action, 'done')}", "warn", "")
    return Verdict("done in part", "warn", "") if run.skipped else Verdict("done", "good", "")


def _judge_flow(queue: QueueOfStage) -> Verdict:
    if not queue.workers:
        return _without_workers(queue)
    if not queue.depth:
        return Verdict("Working" if queue.at_work or queue.rate else "Idle", "good", "Nothing waits.")
    if queue.rate is None:
        return Verdict("Waiting", "bad", "PostgreSQL cannot be read; events wait here and are not lost.")
    return _with_backlog(queue, queue.rate)


def _failures(queue: QueueOfStage) -> str:
    told = []
    if queue.retrying:
        waits = "job waits for its next attempt" if queue.retrying == 1 else "jobs wait for their next attempts"
        told.append(f"{queue.retrying:,} {waits} ({(queue.retry_error or '')[:LONGEST_ERROR]}).")
    if queue.dead_letters:
        told.append(
            f"{queue.dead_letters:,} dead letter{' waits' if queue.dead_letters == 1 else 's wait'} for a person."
        )
    return " ".join(told)


def _with_backlog(queue: QueueOfStage, rate: float) -> Verdict:
    waited = queue.oldest_seconds or 0.0
    if waited < PROMPT_SECONDS:
        return Verdict("Moving", "good", "Events are taken within seconds.")
    if rate:
        return Verdict("Behind", "warn", f"At this rate it is empty in {_long(queue.depth / rate)}.")
    if waited < STUCK_SECONDS:
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
