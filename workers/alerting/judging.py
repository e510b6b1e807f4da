"""Judge a call: what a rule finds in its facts. Pure, given the rule, the facts and the times."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from types import MappingProxyType
from typing import Any

from shared.alerting.rules import CallCost, CallRule, DeadAir, EndlessCall, Hang, LowConfidence, NegativeSentiment
from workers.alerting.facts import CallFacts, HangPlace
from workers.alerting.findings import Finding

# What happened longer ago is not waited for any more: such a call was imported, or its end was never told.
SILENCE_LOOKED_AT = timedelta(hours=1)
CALLS_LOOKED_AT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Clocks:
    """What time it is, and up to when whatever was received is stored; None where that cannot be told."""

    now: datetime
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time, its end included."""

    after: datetime
    until: datetime

    def has(self, moment: datetime) -> bool:
        """Tell whether a moment lies within it."""
        return self.after < moment <= self.until


def judge(rules: Iterable[CallRule], facts: CallFacts, clocks: Clocks) -> list[Finding]:
    """Find what the rules say of a call."""
    asked = (rule for rule in rules if is_about(rule, facts))
    return list(chain.from_iterable(_JUDGES[type(rule)](rule, facts, clocks) for rule in asked))


def is_about(rule: CallRule, facts: CallFacts) -> bool:
    """Tell whether a rule is about a call: one that names assistants is about theirs, once it is known whose it is."""
    return not rule.assistants or facts.assistant_id in rule.assistants


def silences_of(rule: DeadAir, as_of: datetime) -> Span:
    """Say when the newest message of a call was said that is silent for too long."""
    return Span(as_of - max(SILENCE_LOOKED_AT, 2 * rule.silent_for), as_of - rule.silent_for)


def beginnings_of(rule: EndlessCall, as_of: datetime) -> Span:
    """Say when a call began that goes on for too long."""
    return Span(as_of - max(CALLS_LOOKED_AT, 2 * rule.longer_than), as_of - rule.longer_than)


def _negative(rule: NegativeSentiment, facts: CallFacts, clocks: Clocks) -> Iterator[Finding]:
    angry = [mood for mood in facts.moods if mood.confidence > rule.confidence_above]
    for mood in angry if rule.per == "message" else angry[:1]:
        yield Finding(
            rule,
            mood.spoken_at or clocks.now,
            {
                "label": "negative",
                "confidence": mood.confidence,
                "score": mood.score,
                "threshold": rule.confidence_above,
            },
            call_id=facts.call_id,
            thing=f"message {mood.message_id}" if rule.per == "message" else "",
            message_id=mood.message_id,
            holds=not facts.is_over,
        )


def _hang(rule: Hang, facts: CallFacts, clocks: Clocks) -> Iterator[Finding]:
    if facts.is_forwarded:
        return
    for place in facts.hangs:
        yield Finding(
            rule,
            place.began_at or clocks.now,
            {"hangs": place.hangs},
            call_id=facts.call_id,
            thing=place.names[0],
            also_known_as=place.names[1:],
            message_id=place.message_id or "",
            holds=not (facts.is_over or _is_answered(place, facts) or _is_long_ago(place, facts, clocks)),
        )


def _is_answered(place: HangPlace, facts: CallFacts) -> bool:
    spoke_at, lasted_until = facts.assistant_spoke_at, place.lasted_until
    return spoke_at is not None and lasted_until is not None and spoke_at > lasted_until


def _is_long_ago(place: HangPlace, facts: CallFacts, clocks: Clocks) -> bool:
    """Tell whether nothing has been heard of the call for so long that its end must have been lost."""
    heard_at = [place.lasted_until, facts.newest.spoken_at if facts.newest else None]
    told = [moment for moment in heard_at if moment is not None]
    return clocks.as_of is not None and bool(told) and max(told) <= clocks.as_of - SILENCE_LOOKED_AT


def _low_confidence(rule: LowConfidence, facts: CallFacts, clocks: Clocks) -> Iterator[Finding]:
    mean = facts.mean_confidence
    if mean is None or facts.confidences < rule.minimum_messages or mean >= rule.below:
        return
    yield Finding(
        rule,
        facts.newest.spoken_at if facts.newest else clocks.now,
        {"confidence": mean, "messages": facts.confidences, "threshold": rule.below},
        call_id=facts.call_id,
        holds=not facts.is_over,
    )


def _dead_air(rule: DeadAir, facts: CallFacts, clocks: Clocks) -> Iterator[Finding]:
    newest = facts.newest
    if newest is None or facts.is_over or facts.is_forwarded or newest.role != "user" or newest.is_answered:
        return
    silences = silences_of(rule, clocks.as_of) if clocks.as_of else None
    if silences and newest.spoken_at <= silences.after:
        return
    silent_seconds = (clocks.now - newest.spoken_at).total_seconds()
    yield Finding(
        rule,
        newest.spoken_at,
        {"silent_seconds": round(silent_seconds, 1), "threshold_seconds": rule.silent_for.total_seconds()},
        call_id=facts.call_id,
        thing=f"message {newest.message_id}",
        message_id=newest.message_id,
        raises=silences is not None and silences.has(newest.spoken_at),
    )


def _endless(rule: EndlessCall, facts: CallFacts, clocks: Clocks) -> Iterator[Finding]:
    if facts.is_over or facts.began_at is None:
        return
    yield Finding(
        rule,
        facts.began_at + rule.longer_than,
        {
            "seconds": round((clocks.now - facts.began_at).total_seconds(), 1),
            "threshold_seconds": rule.longer_than.total_seconds(),
        },
        call_id=facts.call_id,
        raises=clocks.as_of is not None and _is_endless(facts, beginnings_of(rule, clocks.as_of)),
    )


def _is_endless(facts: CallFacts, beginnings: Span) -> bool:
    """Tell whether a call goes on for too long, and was heard of for as long: one of yesterday may be told only now."""
    if facts.began_at is None or facts.heard_since is None:
        return False
    return beginnings.has(facts.began_at) and facts.heard_since <= beginnings.until


def _cost(rule: CallCost, facts: CallFacts, clocks: Clocks) -> Iterator[Finding]:
    cost = facts.total_cost
    if cost is None or not math.isfinite(cost) or cost <= rule.above:
        return
    yield Finding(
        rule,
        clocks.now,
        {"cost": cost, "threshold": rule.above},
        call_id=facts.call_id,
        holds=not facts.is_over,
    )


_Judge = Callable[[Any, CallFacts, Clocks], Iterator[Finding]]
_JUDGES: Mapping[type[CallRule], _Judge] = MappingProxyType(
    {
        NegativeSentiment: _negative,
        Hang: _hang,
        LowConfidence: _low_confidence,
        DeadAir: _dead_air,
        EndlessCall: _endless,
        CallCost: _cost,
    }
)
