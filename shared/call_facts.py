"""What an event says of its call, as the columns of `calls`. Pure.

Any part may be missing, empty or of the wrong type; the sender writes "" where it does not know. How new a fact is
goes by how far the call has come in the event that tells it: statuses only move forward, while clocks disagree.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from shared.events import EpochMs, FilledText, Object, WebhookEvent
from shared.fields import as_filled_object, as_filled_text, as_key, as_number, moment

Number = Annotated[float | None, BeforeValidator(as_number)]
# Calls are looked up by these, and what is too long for an index would fail the event.
Key = Annotated[str | None, BeforeValidator(as_key)]
FilledObject = Annotated[dict[str, Any] | None, BeforeValidator(as_filled_object)]

STATUS_RANKS: Mapping[str, int] = MappingProxyType(
    {"initiated": 1, "queued": 2, "ongoing": 3, "forwarded": 4, "finished": 5, "failed": 5}
)
# A status that is not known could be anything between beginning and end.
UNKNOWN_RANK = STATUS_RANKS["ongoing"]
REPORT_RANK = STATUS_RANKS["finished"]
MS_PER_SECOND = 1000


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, hide_input_in_errors=True)


class Call(_Part):
    """The `call` of an event; `assistant_call_duration` in ms."""

    team_id: Key = None
    assistant_id: Key = None
    call_type: FilledText = None
    direction: FilledText = None
    start_at: EpochMs = None
    end_at: EpochMs = None
    user_number: FilledText = None
    assistant_number: FilledText = None
    phone_call_status: FilledText = None
    phone_call_status_reason: FilledText = None
    call_end_trigger_by: FilledText = None
    assistant_call_duration: Number = None
    recording: FilledObject = None
    assistant_overrides: FilledObject = None
    metadata: FilledObject = None
    analysis: Object = {}
    cost: FilledObject = None
    metrics: FilledObject = None


class Assistant(_Part):
    """The `assistant` of an event, often empty."""

    name: FilledText = None
    assistant_provider: FilledText = None
    assistant_model: FilledText = None


def status_of(event: WebhookEvent) -> str | None:
    """Tell the call's status as the event gives it."""
    return as_key(event.part("call").get("status"))


def rank_of(event: WebhookEvent) -> int:
    """Tell how far the call has come in this event: 1 (initiated) to 5 (finished or failed)."""
    status = status_of(event)
    if status is None:
        return REPORT_RANK if event.event_type == "end-of-call-report" else UNKNOWN_RANK
    return STATUS_RANKS.get(status, UNKNOWN_RANK)


def call_facts(event: WebhookEvent) -> dict[str, Any]:
    """Read the columns of `calls` that the event knows; None where it does not."""
    call = Call.model_validate(event.part("call"))
    return {
        "team_id": call.team_id,
        "assistant_id": call.assistant_id,
        "call_type": call.call_type,
        "direction": call.direction,
        "status": status_of(event),
        "phone_call_status": call.phone_call_status,
        "phone_call_status_reason": call.phone_call_status_reason,
        "end_trigger": call.call_end_trigger_by,
        "user_number": call.user_number,
        "assistant_number": call.assistant_number,
        "started_at": moment(call.start_at),
        "ended_at": moment(call.end_at),
        "duration_ms": _duration_ms(call),
        "cost": call.cost,
        "total_cost": as_number((call.cost or {}).get("totalCost")),
        "call_metrics": call.metrics,
        "recording": _filled(call.recording),
        "overrides": call.assistant_overrides,
        "metadata": call.metadata,
        **_assistant_facts(event),
        **_analysis_facts(_filled(event.part("analysis")) or _filled(call.analysis) or {}),
    }


def _duration_ms(call: Call) -> float | None:
    if call.assistant_call_duration:  # 0 while the call goes on
        return call.assistant_call_duration
    seconds = as_number((call.cost or {}).get("callDuration"))
    return seconds * MS_PER_SECOND if seconds else None


def _assistant_facts(event: WebhookEvent) -> dict[str, Any]:
    assistant = Assistant.model_validate(event.part("assistant"))
    return {
        "assistant_name": assistant.name,
        "llm_provider": assistant.assistant_provider,
        "llm_model": assistant.assistant_model,
    }


def _analysis_facts(analysis: Mapping[str, Any]) -> dict[str, Any]:
    named = ("summary", "successEvaluation", "outcome", "structuredData")
    return {
        "summary": as_filled_text(analysis.get("summary")),
        "success_evaluation": as_filled_text(analysis.get("successEvaluation")),
        "outcome": as_filled_text(analysis.get("outcome")),
        "structured_data": as_filled_object(analysis.get("structuredData")),
        "analysis": {name: value for name, value in analysis.items() if name not in named} or None,
    }


def _filled(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Drop what says nothing: the sender fills objects with empty strings."""
    return {name: value for name, value in (values or {}).items() if value not in ("", None, {}, [])} or None
