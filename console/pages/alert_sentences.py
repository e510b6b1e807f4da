"""What happened that an alert is about, in a few words like those of the notices. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from pydantic import JsonValue

from console.pages.alert_figures import written
from console.pages.formatting import shortened
from shared.alerting.rule_faults import RESERVED_NAME

_SUBJECT = "{subject}"
# By the kind of the rule, the fullest wording first: the first that has all its figures is taken.
_WORDINGS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "negative_sentiment": (
            "A caller sounds upset: confidence {confidence}, above {threshold}",
            "A caller sounds upset",
        ),
        "hang": ("The assistant hung ({times} times)", "The assistant hung"),
        "stt_confidence": (
            "The transcription is hardly to be trusted: "
            "mean confidence {confidence} over {messages} messages, below {threshold}",
            "The transcription is hardly to be trusted",
        ),
        "dead_air": (
            "What a caller said had no reply for {silent_seconds}, longer than {threshold_seconds}",
            "What a caller said had no reply for too long",
        ),
        "endless_call": (
            "The call went on for {seconds}, longer than {threshold_seconds}, or its end was never told",
            "The call went on for too long, or its end was never told",
        ),
        "call_cost": ("The call cost {cost}, more than {threshold}", "The call cost too much"),
        "hang_rate": (
            "The assistant hung in {hangs} of {calls} calls within {window_seconds}: {rate}, above {threshold}",
            "The assistant hung in too many calls",
        ),
        "error_rate": (
            "Errors of {subject} ({error_type}): {errors} in {tries} turns within {window_seconds}, "
            "{rate}, above {threshold}",
            "Errors of {subject}: {errors} in {tries} turns within {window_seconds}, {rate}, above {threshold}",
            "Too many errors of {subject}",
            "Too many errors",
        ),
        "turn_latency": (
            "Turns of {subject} took long: percentile {percentile} of {turns} within {window_seconds} is {latency_ms}, "
            "above {threshold_ms}",
            "Turns took long: percentile {percentile} of {turns} within {window_seconds} is {latency_ms}, "
            "above {threshold_ms}",
            "Turns of {subject} took too long",
            "Turns took too long",
        ),
        "interruption_rate": (
            "{interruptions} interruptions in {replies} replies within {window_seconds}: {rate}, above {threshold}",
            "Too many replies were interrupted",
        ),
        "feed_silence": (
            "No event came for {silent_seconds}, longer than {threshold_seconds}",
            "No event came for too long",
        ),
        RESERVED_NAME: ("A test: notices of alerts arrive",),
    }
)


class Told(Protocol):
    """What is known of an alert."""

    @property
    def subject(self) -> str | None: ...
    @property
    def detail(self) -> Mapping[str, JsonValue] | None: ...


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, in two parts around what came from outside, if it names that; empty for a kind that is not known."""

    before: str = ""
    subject: str = ""
    after: str = ""


def happening(alert: Told) -> Sentence:
    """Say what happened, with the figures."""
    detail = alert.detail or {}
    figures = _figures(detail)
    for wording in _WORDINGS.get(str(detail.get("kind")), ()):
        before, subject, after = wording.partition(_SUBJECT)
        if subject and not alert.subject:
            continue
        try:
            return Sentence(before.format_map(figures), subject and str(alert.subject), after.format_map(figures))
        except KeyError:
            continue
    return Sentence()


def _figures(detail: Mapping[str, JsonValue]) -> Mapping[str, str]:
    told = {name: value for name, value in detail.items() if isinstance(value, int | float | str)}
    figures = {name: shortened(text) for name, text in written(told).items()}
    errors, turns, hangs = (detail.get(name) for name in ("errors", "turns", "hangs"))
    if isinstance(errors, int) and isinstance(turns, int):
        # A turn that failed left no turn: the rate is a share of both together.
        figures["tries"] = f"{errors + turns:,}"
    if isinstance(hangs, int) and hangs > 1:
        figures["times"] = f"{hangs:,}"
    return figures
