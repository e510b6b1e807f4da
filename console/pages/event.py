"""The page of one event: what became of it, stage by stage, and a replay of what lies dead of it."""

from urllib.parse import urlencode

from flask import Blueprint, render_template

from console.api.events import Event, EventStage, find_event
from console.api.operations import Query
from console.pages.verdicts import Verdict
from console.services import Services

_STATES = {
    "stored": Verdict("stored", "good", ""),
    "waiting": Verdict("waiting", "plain", ""),
    "at_work": Verdict("at work", "plain", ""),
    "retrying": Verdict("retrying", "warn", ""),
    "dead_letter": Verdict("dead letter", "bad", ""),
    "lost": Verdict("no job", "warn", "The janitor dispatches it again."),
}


def add_pages(blueprint: Blueprint, services: Services) -> None:
    """Add /operations/events/<event_id>."""

    @blueprint.get("/operations/events/<event_id>")
    def event(event_id: str) -> str:
        found = find_event(services, {"event_id": event_id}, Query())
        stages = [(stage, judge_stage(stage)) for stage in found.stages]
        return render_template("event.html", event=found, stages=stages, replay_path=replay_path(found))


def judge_stage(stage: EventStage) -> Verdict:
    """Say in words how a stage stands with an event."""
    verdict = _STATES[stage.state]
    if stage.state == "stored":
        return verdict.saying(_written(stage.written or 0))
    if stage.state == "lost":
        return verdict
    return verdict.saying(_attempts(stage))


def replay_path(event: Event) -> str | None:
    """Write where the dead letters of an event can be replayed; None where it has none."""
    if any(stage.state == "dead_letter" for stage in event.stages):
        return f"/operations/replay?{urlencode({'source': 'dead_letters', 'event_id': event.event_id})}"
    return None


def _written(rows: int) -> str:
    if not rows:
        return "Nothing new: it had nothing for this stage, or other events had told as much."
    return f"{rows:,} row{'' if rows == 1 else 's'} written."


def _attempts(stage: EventStage) -> str:
    spent = stage.attempts or 0
    failed = f"{spent} attempt{'' if spent == 1 else 's'} failed"
    return f"{failed}, {stage.attempts_left} left." if stage.attempts_left else f"{failed}."
