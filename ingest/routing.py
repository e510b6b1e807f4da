"""Decide which queues an event goes to: its stages, or quarantine, with the reason. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from ingest.deliveries import Delivery
from shared.envelope import Envelope, Unroutable, open_envelope
from shared.publisher import IncomingEvent, event_id_of
from shared.scrubbing import scrub
from shared.stages import QUARANTINE, stages_for


class Rules(NamedTuple):
    """What routing depends on beside the event itself."""

    enabled_stages: frozenset[str]
    secrets: tuple[str, ...]


def route(delivery: Delivery, rules: Rules, received_at_ms: int) -> IncomingEvent:
    """Make an event of a delivery, with no secret left in it; its id is made of the body as it came."""
    # A faulty delivery waiting in quarantine must not make a duplicate of the faultless one that follows.
    event_id = event_id_of(delivery.fault.encode() + delivery.body)
    body = scrub(delivery.body, rules.secrets)
    try:
        envelope = _open(body, delivery.fault)
        stages = _stages_of(envelope, rules.enabled_stages)
    except Unroutable as verdict:
        return IncomingEvent(event_id, received_at_ms, (QUARANTINE,), body, reason=verdict.reason)
    readable = _scrubbed_again(envelope.body, body, rules.secrets)
    return IncomingEvent(event_id, received_at_ms, stages, readable, envelope.event_type, envelope.call_id)


def _open(body: bytes, fault: str) -> Envelope:
    if fault:
        raise Unroutable(fault)
    return open_envelope(body)


def _stages_of(envelope: Envelope, enabled: Iterable[str]) -> tuple[str, ...]:
    wanted = stages_for(envelope.event_type, carries_messages=envelope.carries_messages)
    stages = tuple(stage for stage in wanted if stage in enabled)
    if not stages:
        raise Unroutable("no_stage_enabled")
    return stages


def _scrubbed_again(repaired: bytes, body: bytes, secrets: Iterable[str]) -> bytes:
    # Repaired JSON may spell out what was hidden in another encoding before.
    return body if repaired is body else scrub(repaired, secrets)
