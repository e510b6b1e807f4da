"""The rules by which alerts are raised: their kinds, and what can be set of each. Pure.

Defaults are those that the platform's documentation suggests, where it suggests any.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from shared.stages import CHANNELS

Severity = Literal["info", "warning", "critical"]

_SPAN = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def read_span(value: object) -> object:
    """Read `90s`, `5m`, `2h` or `1d`."""
    if isinstance(value, timedelta):
        return value
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('is no length of time such as "90s", "5m", "2h" or "1d"')
    return timedelta(**{_UNITS[match["unit"]]: int(match["number"])})


def read_channel(value: object) -> object:
    """Read the name of a channel."""
    if value not in CHANNELS:
        raise ValueError(f"is no channel; there are {', '.join(CHANNELS)}")
    return value


def read_assistants(value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse an empty list, which could be taken for none of them; no list at all stands for all."""
    if not value:
        raise ValueError("must name at least one; leave it out for all of them")
    return value


Span = Annotated[timedelta, BeforeValidator(read_span), Field(ge=timedelta(seconds=1), le=timedelta(days=31))]
Share = Annotated[float, Field(ge=0, le=1)]
Channel = Annotated[str, BeforeValidator(read_channel)]
Text = Annotated[str, Field(min_length=1, max_length=256)]


class _Rule(BaseModel):
    """What every rule has.

    `channels` None stands for all that are set up. `tell_end` has the end of an alert sent too: where that is but the
    end of the call, it is no news.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, allow_inf_nan=False)

    name: str = Field(default="", exclude=True)
    enabled: bool = True
    severity: Severity = "warning"
    channels: Annotated[tuple[Channel, ...] | None, Field(strict=False)] = None
    tell_end: bool = True


class _OfCalls(_Rule):
    """A rule about calls: without `assistants` those of all."""

    assistants: Annotated[tuple[Text, ...], Field(strict=False), AfterValidator(read_assistants)] = ()


class Occurrence(_OfCalls):
    """A rule about what happened in a call, and does not un-happen: its alert is over when the call is."""

    tell_end: bool = False


class _Windowed(_OfCalls):
    """A rule about all calls of a `window`: it is resolved once its condition has not held for `clear_for`."""

    window: Span
    clear_for: Span = timedelta(minutes=10)


class NegativeSentiment(Occurrence):
    """A caller is angry: a message labelled negative, with more than this confidence. Once a call, or a message."""

    kind: Literal["negative_sentiment"]
    confidence_above: Share = 0.8
    per: Literal["call", "message"] = "call"


class Hang(_OfCalls):
    """The platform told that the assistant hangs. Over when the assistant speaks again, or the call ends."""

    kind: Literal["hang"]


class LowConfidence(Occurrence):
    """The transcription of a call is hardly to be trusted: the mean confidence of its user's messages is low."""

    kind: Literal["stt_confidence"]
    below: Share = 0.5
    minimum_messages: int = Field(default=5, ge=1)


class DeadAir(_OfCalls):
    """A user's message has no reply for so long, while the call goes on; no hang event is needed."""

    kind: Literal["dead_air"]
    silent_for: Span = timedelta(seconds=15)


class EndlessCall(_OfCalls):
    """A call goes on for longer than calls do, or its end was never told."""

    kind: Literal["endless_call"]
    longer_than: Span = timedelta(hours=2)


class CallCost(Occurrence):
    """A call cost more than this, in the platform's currency."""

    kind: Literal["call_cost"]
    above: float = Field(default=1.0, ge=0)


class HangRate(_Windowed):
    """The share of the calls of a window in which the assistant hung."""

    kind: Literal["hang_rate"]
    window: Span = timedelta(hours=1)
    rate_above: Share = 0.05
    minimum_calls: int = Field(default=20, ge=1)


class ErrorRate(_Windowed):
    """The errors of one provider, as a share of the turns of a window; `error_type` None counts all."""

    kind: Literal["error_rate"]
    window: Span = timedelta(minutes=5)
    error_type: Literal["llm_error", "stt_error"] | None = None
    rate_above: Share = 0.02
    minimum_errors: int = Field(default=3, ge=1)


class TurnLatency(_Windowed):
    """A percentile of the turn latency in a window, over all calls or for each assistant."""

    kind: Literal["turn_latency"]
    window: Span = timedelta(minutes=15)
    percentile: Annotated[float, Field(gt=0, lt=1)] = 0.95
    above_ms: float = Field(default=3000, gt=0)
    minimum_turns: int = Field(default=20, ge=1)
    by: Literal["all", "assistant"] = "all"


class InterruptionRate(_Windowed):
    """Interruptions as a share of the assistant's messages in a window."""

    kind: Literal["interruption_rate"]
    window: Span = timedelta(hours=1)
    rate_above: Share = 0.3
    minimum_replies: int = Field(default=50, ge=1)


class FeedSilence(_Rule):
    """No event at all for so long, at a time of day when there always were some."""

    kind: Literal["feed_silence"]
    silent_for: Span = timedelta(minutes=15)
    minimum_days: int = Field(default=3, ge=1, le=13)


CallRule = NegativeSentiment | Hang | LowConfidence | DeadAir | EndlessCall | CallCost
WindowRule = HangRate | ErrorRate | TurnLatency | InterruptionRate
Rule = Annotated[CallRule | WindowRule | FeedSilence, Field(discriminator="kind")]

Rules = Mapping[str, CallRule | WindowRule | FeedSilence]
