"""Decide which queues an event goes to: its stages, or quarantine, with the reason. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from shared.envelope import Envelope, Unroutable, open_envelope
from shared.publisher import IncomingEvent, event_id_of
from shared.scrubbing import scrub
from shared.settings import Settings
from shared.stages import QUARANTINE, stages_for


class Rules(NamedTuple):
    """What routing depends on beside the event itself."""

    enabled_stages: frozenset[str]
    secrets: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings) -> "Rules":
        """Take the stages that are enabled, and the secrets that no stored body may hold."""
        secrets = tuple(secret.get_secret_value() for secret in settings.webhook_secrets)
        return cls(frozenset(settings.stages), secrets)


def route(delivered: bytes, rules: Rules, received_at_ms: int, fault: str = "") -> IncomingEvent:
    """Make an event of a body, with no secret left in it; its id is made of the body as it came.

    `fault` is empty, or why the body may be no event: not_json or truncated.
    """
    # A faulty delivery waiting in quarantine must not make a duplicate of the faultless one that follows.
    event_id = event_id_of(fault.encode() + delivered)
    body = scrub(delivered, rules.secrets)
    try:
        envelope = _open(body, fault)
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
