"""Open the envelope of a webhook: its type and its call, without decoding the history inside. Pure.

A body is `{"message": {"type", "call": {"id"}, "messages": [...], ...}}`. What does not fit that, or names a type that
no stage wants, is unroutable: it is kept whole in quarantine, with a reason.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from shared import lenient_json
from shared.fields import as_key
from shared.lenient_json import UnreadableJson
from shared.stages import CARRYING_ROUTES, ROUTES

_Parts = dict[str, msgspec.Raw]
_parts = msgspec.json.Decoder(_Parts)


_NULL = msgspec.Raw(b"null")


class _Message(msgspec.Struct):
    type: msgspec.Raw = _NULL
    call: msgspec.Raw = msgspec.Raw(b"{}")
    messages: msgspec.Raw = _NULL


class _Outer(msgspec.Struct):
    message: _Message


class _Call(msgspec.Struct):
    id: Any = None


_outer = msgspec.json.Decoder(_Outer)
_call = msgspec.json.Decoder(_Call)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What routing needs to know of an event; `body` is strict JSON."""

    event_type: str
    call_id: str
    carries_messages: bool
    body: bytes


class Unroutable(ValueError):
    """The body is no event of ours; `reason` is one word for people and filters, never a part of the body."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def open_envelope(body: bytes) -> Envelope:
    """Read the type and the call of an event, repairing the JSON where only a lenient reading understands it.

    Raises Unroutable with one of: malformed_json, nested_too_deeply, not_an_object, foreign_envelope, no_message,
    unknown_type, no_call_id.
    """
    try:
        return _open(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _open_repaired(body)


def _open_repaired(body: bytes) -> Envelope:
    try:
        repaired = lenient_json.repair(body)
    except UnreadableJson as error:
        raise Unroutable(error.reason) from error
    try:
        return _open(repaired)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unroutable("not_an_object") from error


def _open(body: bytes) -> Envelope:
    message = _message_of(body)
    event_type = _type_of(message)
    return Envelope(event_type, _call_id_of(message), _carries_messages(event_type, message), body)


def _message_of(body: bytes) -> _Message:
    try:
        return _outer.decode(body).message
    except msgspec.ValidationError as error:
        outer = _parts.decode(body)
        is_foreign = "event" in outer and "message" not in outer
        raise Unroutable("foreign_envelope" if is_foreign else "no_message") from error


def _type_of(message: _Message) -> str:
    event_type = lenient_json.decode(message.type)
    if not isinstance(event_type, str) or event_type not in ROUTES:
        raise Unroutable("unknown_type")
    return event_type


def _call_id_of(message: _Message) -> str:
    try:
        call_id = as_key(_call.decode(message.call).id)
    except msgspec.ValidationError:
        call_id = None
    if call_id is None:
        raise Unroutable("no_call_id")
    return call_id


def _carries_messages(event_type: str, message: _Message) -> bool:
    # Only these types are routed by it; for the others the history stays unread.
    if event_type not in CARRYING_ROUTES:
        return False
    messages = lenient_json.decode(message.messages)
    return isinstance(messages, list) and bool(messages)
