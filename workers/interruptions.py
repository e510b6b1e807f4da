"""Stage `interruptions`: where the assistant was cut short.

Consumes every event that carries messages, and the report at the end of a call. Writes `interruptions`: what a user's
message lists as skipped (kind `skipped`), and the bot turns that the report calls interrupted (kind `barge_in`).
Guarantees one row an interruption however often it is told, and that none disappears.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from shared.database import Connection
from shared.events import WebhookEvent, read_message, unnamed
from shared.fields import as_filled_text, as_key, as_list, as_number, as_object, moment
from shared.lenient_json import decode
from workers.absorption import Content, Reader, absorb

STAGE = "interruptions"
# What it writes, but for what the pipeline keeps for itself.
TABLES = ("interruptions",)
REPORT = "end-of-call-report"
SKIPPED, BARGE_IN = "skipped", "barge_in"

MS_PER_SECOND = 1000
# Sets a bot turn apart from every message: no JSON begins like this.
_TURN = b"botTurn "
# A turn's start and end are ms; whether since 1970 or since the call began is not established.
SMALLEST_ABSOLUTE_MS = 1_000_000_000_000


class InterruptionsTable:
    """The rows of `interruptions`."""

    topic = "interruptions"
    key_names = ("call_id", "message_id", "ordinal")
    column_names = (*("interrupted_text", "interrupted_message_id", "interrupted_at", "kind", "played_ms", "audio_ms"),)

    def to_columns(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Every cell is a column."""
        return dict(values)

    def to_cells(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Every column is a cell."""
        return {name: columns[name] for name in self.column_names}


def process(connection: Connection, events: Sequence[WebhookEvent]) -> Mapping[str, int]:
    """Store the interruptions of a batch; returns how many rows each event made new or changed."""
    return absorb(connection, STAGE, events, InterruptionsTable(), Reader(read_content, read_turns)).written


def read_turns(event: WebhookEvent) -> Sequence[msgspec.Raw]:
    """List the bot turns of a report, each with its place; other events have none."""
    if event.event_type != REPORT:
        return ()
    return [_turn_item(place, turn) for place, turn in enumerate(_bot_turns(event))]


def read_content(raw: msgspec.Raw) -> Content:
    """Read the interruptions that an item tells of, as rows."""
    if bytes(raw).startswith(_TURN):
        place, turn = decode(bytes(raw).removeprefix(_TURN))
        return Content(None, _barge_in_rows(place, as_object(turn)))
    message = read_message(raw)
    message_id = message.message_id or unnamed(raw)
    rows = {
        (message_id, ordinal): {**said, "interrupted_at": moment(message.timestamp), "kind": SKIPPED}
        for ordinal, said in enumerate(map(_skipped, message.skipped))
        if said is not None
    }
    return Content(message.timestamp, rows)


def _bot_turns(event: WebhookEvent) -> list[Any]:
    stats = as_object(as_object(event.part("call").get("metrics")).get("callStats"))
    return as_list(as_object(stats.get("turnsStats")).get("botTurns"))


def _turn_item(place: int, turn: Any) -> msgspec.Raw:
    return msgspec.Raw(_TURN + msgspec.json.encode([place, turn]))


def _skipped(item: Any) -> dict[str, Any] | None:
    """Read one skipped message: an object with or without text or id, or a bare text; null says nothing."""
    if item is None:
        return None
    if not isinstance(item, dict):
        return {"interrupted_text": as_filled_text(item)}
    return {
        "interrupted_text": as_filled_text(item.get("text")),
        "interrupted_message_id": as_key(item.get("messageId")),
    }


def _barge_in_rows(place: int, turn: Mapping[str, Any]) -> dict[tuple[str, int], dict[str, Any]]:
    if turn.get("interrupted") is not True:
        return {}
    # Below zero, so that they never meet the ordinals of skipped messages.
    key = (as_key(turn.get("userMessageId")) or "unknown", -1 - place)
    return {
        key: {
            "interrupted_at": _absolute(turn.get("end")),
            "kind": BARGE_IN,
            "played_ms": _milliseconds(turn.get("playedDuration")),
            "audio_ms": _milliseconds(turn.get("audioDuration")),
        }
    }


def _absolute(value: Any) -> Any:
    number = as_number(value)
    return moment(round(number)) if number is not None and number >= SMALLEST_ABSOLUTE_MS else None


def _milliseconds(seconds: Any) -> float | None:
    number = as_number(seconds)
    return None if number is None else float(number * MS_PER_SECOND)
