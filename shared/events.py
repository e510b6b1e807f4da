"""An event as a stage reads it: the parts of the message, each decoded only where a stage asks for it. Pure."""

import re
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
import xxhash
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared import lenient_json
from shared.errors import BadEvent
from shared.event_records import StoredEvent
from shared.fields import as_epoch_ms, as_filled_text, as_key, as_list, as_object, as_text

Key = Annotated[str | None, BeforeValidator(as_key)]
Text = Annotated[str | None, BeforeValidator(as_text)]
FilledText = Annotated[str | None, BeforeValidator(as_filled_text)]
EpochMs = Annotated[int | None, BeforeValidator(as_epoch_ms)]
Object = Annotated[dict[str, Any], BeforeValidator(as_object)]
Items = Annotated[list[Any], BeforeValidator(as_list)]

# The random part may hold a dash; then only the usual form of a user's id tells where it begins.
_REPLY_ID = re.compile(r"(?:(?P<numbered>user-\d+)-.+|(?P<other>.+)-[^-]+)-\d+", re.DOTALL)

_Parts = dict[str, msgspec.Raw]
_envelope = msgspec.json.Decoder(dict[str, _Parts])


class Message(BaseModel):
    """One message of a conversation. Every field may be missing; a `timestamp` counts ms since 1970."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    message_id: Key = Field(default=None, alias="messageId")
    role: FilledText = None
    text: Text = None
    timestamp: EpochMs = None
    metrics: Object = {}
    skipped: Items = Field(default=[], alias="skippedAssistantMessages")


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event and the parts of its message, each still as it came.

    One that `is_retold` is read in full, though it is known, and what rows hold of it gives way to what it says now.
    """

    event_id: str
    event_type: str
    call_id: str
    received_at_ms: int
    body: bytes
    parts: _Parts
    is_retold: bool = False
    _values: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def sent_at(self) -> int:
        """The envelope's timestamp, ms since 1970; 0 where there is none."""
        return as_epoch_ms(self._decoded("timestamp")) or 0

    @property
    def history(self) -> bytes:
        """The conversation so far, as it came: a JSON array, or what the sender put in its place."""
        return bytes(self.parts.get("messages", b"[]"))

    def part(self, name: str) -> dict[str, Any]:
        """Decode an object of the message, such as `call`; empty where it is missing or no object."""
        return as_object(self._decoded(name))

    def _decoded(self, name: str) -> Any:
        if name not in self._values:
            raw = self.parts.get(name)
            self._values[name] = None if raw is None else lenient_json.decode(raw)
        return self._values[name]


def read_event(stored: StoredEvent) -> WebhookEvent:
    """Take a stored event apart. Raises BadEvent where the body is not what the ingest lets in."""
    try:
        parts = _envelope.decode(stored.body)["message"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError) as error:
        raise BadEvent("the stored body is no event") from error
    return WebhookEvent(stored.event_id, stored.event_type, stored.call_id, stored.received_at_ms, stored.body, parts)


def read_message(raw: msgspec.Raw) -> Message:
    """Decode one message; what is no object has no field. Raises BadEvent where it nests too deeply."""
    try:
        return Message.model_validate(as_object(lenient_json.decode(raw)))
    except lenient_json.UnreadableJson as error:
        raise BadEvent(error.reason) from error


def unnamed(raw: msgspec.Raw) -> str:
    """Name a message that came without an id, by its contents: it is the same one whenever it comes again."""
    return f"unnamed-{xxhash.xxh3_128_hexdigest(raw)}"


def replied_to(message_id: str, role: str | None) -> str | None:
    """Name the user's message that an assistant's answers: its id is `<user's messageId>-<random>-<ms>`."""
    match = _REPLY_ID.fullmatch(message_id) if role == "assistant" else None
    return match and (match["numbered"] or match["other"])
