"""Builders of the platform's webhooks: a test mentions what matters to it, the rest is as in a real call."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from shared.envelope import open_envelope
from shared.event_records import StoredEvent
from shared.publisher import event_id_of
from shared.scrubbing import scrub
from shared.stages import stages_for

Json = dict[str, Any]

EXAMPLE = Path(__file__).parent / "data" / "conversation-update.json"
CALL_ID = "WC-82015760-c3bd-427d-a23b-ba9b07e4ab85"
STARTED_AT_MS = 1_772_702_480_277
RECEIVED_AT_MS = 1_772_702_480_300
TURN_MS = 10_000
ASSISTANT = {
    "_id": "697769ef5e6d94d5ad83e01e",
    "name": "Reception - main",
    "welcomeMessage": "Good morning, Harbour Dental!",
    "assistantProvider": "gemini",
    "assistantModel": "gemini-3-flash-preview",
}
LOST = (("metrics",), ("metrics", "stt"), ("metrics", "stt", "confidence"), ("metrics", "tts"))
SERVER_SECRET = "an-unlikely-secret-of-the-platform"


def heard_at(number: int) -> int:
    """Say when the builders let the user's message `number` be transcribed: one every ten seconds."""
    return STARTED_AT_MS + number * TURN_MS


def welcome(number: int = 1, *, text: str = "Good morning, Harbour Dental!", **parts: Any) -> Json:
    """Build a greeting, the first message of a call."""
    metrics = {
        "timeline": {"totalElapsedTimeMs": 2},
        "audio": {"totalAudioReceivedMs": 16},
        "llm": {},
        "tts": {"audioDurationMs": 1442, "queueLatencyMs": 0, "generationTimeMs": 7, "isCachePlaying": True},
        "interactlyPlayer": {"waitTimeMs": 7},
    }
    return _message(f"welcome-{number}", "assistant", text, STARTED_AT_MS + 2, metrics, parts)


def user(
    number: int, *, text: str = "Hello.", confidence: float = 0.75, skipped: Iterable[Any] = (), **parts: Any
) -> Json:
    """Build what the user said: it comes out 1,001 ms after its transcription, once the utterance has surely ended."""
    elapsed = heard_at(number) - STARTED_AT_MS
    metrics = {
        "timeline": {"offsetFromPreviousTurnMs": 4082, "totalElapsedTimeMs": elapsed},
        "audio": {
            "delayedPacketsPerTurnCount": 12,
            "delayedPacketsCumulativeCount": -2,
            "lostPacketsCumulativeCount": 0,
            "audioDelayPerTurnMs": 194,
            "audioDelayCumulativeMs": -27,
            "offsetFromPreviousTurnMs": 3888,
            "totalAudioReceivedMs": elapsed + 27,
        },
        "stt": {
            "timestampMs": heard_at(number),
            "startOffsetMs": elapsed - 4200,
            "endOffsetMs": elapsed,
            "durationMs": 4200,
            "vadMs": 520,
            "relativeLatencyMs": -312,
            "confidence": confidence,
        },
        "interactlyEOU": {"turnDetectionTimeMs": 1000, "queueLatencyMs": 1},
    }
    parts = {"skippedAssistantMessages": list(skipped), **parts}
    return _message(f"user-{number}", "user", text, heard_at(number) + 1001, metrics, parts)


def assistant(
    reply_to: int, *, text: str = "With pleasure.", llm_ms: int = 2557, nonce: str = "WcIrvV6mE7", **parts: Any
) -> Json:
    """Build the reply to the user's message `reply_to`: its audio is ready once the model and the voice are through."""
    answered_at = heard_at(reply_to) + 1001 + 3 + llm_ms
    spoken_at = answered_at + 2 + 353
    metrics = {
        "timeline": {"totalElapsedTimeMs": spoken_at - STARTED_AT_MS},
        "audio": {"totalAudioReceivedMs": spoken_at - STARTED_AT_MS + 15},
        "llm": {"timestampMs": answered_at, "queueLatencyMs": 3, "responseLatencyMs": llm_ms},
        "tts": {"audioDurationMs": 3207, "queueLatencyMs": 2, "generationTimeMs": 353, "isCachePlaying": False},
        "interactlyPlayer": {"waitTimeMs": 352},
    }
    return _message(f"user-{reply_to}-{nonce}-{answered_at + 1}", "assistant", text, spoken_at, metrics, parts)


def without(message: Mapping[str, Any], *path: str) -> Json:
    """Copy a message and leave out the field at `path`, such as `"metrics", "stt"`; the original stays whole."""
    first, *rest = path
    if not rest:
        return {name: value for name, value in message.items() if name != first}
    return {**message, first: without(message[first], *rest)}


def having(message: Mapping[str, Any], *path: str, value: Any) -> Json:
    """Copy a message with another value at `path`."""
    first, *rest = path
    return {**message, first: having(message.get(first) or {}, *rest, value=value) if rest else value}


def conversation_update(messages: Any, *, call_id: str = CALL_ID, **parts: Any) -> StoredEvent:
    """Build the event that repeats the whole conversation; sent at the newest message's time unless told."""
    call = {"analysis": {"summary": "", "successEvaluation": ""}, **parts.pop("call", {})}
    return event("conversation-update", call_id, {"messages": messages, **parts, "call": call})


def status_update(status: str, *, call_id: str = CALL_ID, sent_at: int = STARTED_AT_MS, **call: Any) -> StoredEvent:
    """Build a change of a call's status; the assistant comes whole in it, with the platform's copy of our secret."""
    server = {"url": "https://example.org/hook", "secret": SERVER_SECRET, "headers": {"x-key": SERVER_SECRET}}
    parts = {"assistant": {**ASSISTANT, "assistantServer": server}, "call": {"status": status, **call}}
    return event("status-update", call_id, {"timestamp": sent_at, **parts})


def end_of_call_report(messages: Sequence[Any] = (), *, call_id: str = CALL_ID, **parts: Any) -> StoredEvent:
    """Build the report after a call: its transcript without metrics, or none, and what the platform makes of it."""
    call = {
        "status": "finished",
        "phoneCallStatus": "completed",
        "endAt": "2026-03-05T09:25:20.063Z",
        "callEndTriggerBy": "user",
        "analysis": "",
        "assistantCallDuration": 240_000,
        "cost": {"callDuration": 240, "totalCost": 0.31, "llmVendorCost": 0.02},
        "metrics": {"callStats": {"turnsStats": {"userTurns": [], "botTurns": parts.pop("bot_turns", [])}}},
        **parts.pop("call", {}),
    }
    analysis = {"summary": "A visit was booked.", "successEvaluation": "true", "structuredData": {"day": "Monday"}}
    plain = [without(message, "metrics") if isinstance(message, dict) else message for message in messages]
    return event("end-of-call-report", call_id, {"messages": plain, "analysis": analysis, **parts, "call": call})


def hang(messages: Sequence[Any] = (), *, call_id: str = CALL_ID, **parts: Any) -> StoredEvent:
    """Build the complaint that the assistant has been silent for long."""
    return event("hang", call_id, {"messages": messages, **parts})


def error(messages: Sequence[Any] | None = None, *, call_id: str = CALL_ID, **parts: Any) -> StoredEvent:
    """Build a vendor's failure; most other parts are missing in it."""
    history = {} if messages is None else {"messages": messages}
    fault = {"type": "llm_error", "code": "rate_limit_exceeded", "message": "Too many requests", "provider": "gemini"}
    return event("error", call_id, {**history, "error": {**fault, "retryable": True, "details": {}}, **parts})


def event(event_type: str, call_id: str, parts: Json) -> StoredEvent:
    """Build an event of any type; `timestamp`, `call` and `assistant` are filled in where `parts` has none."""
    call = {
        "id": call_id,
        "teamId": "67c0231ae6880fe48ef929ee",
        "callType": "web",
        "direction": "inbound",
        "startAt": "2026-03-05T09:21:20.063Z",
        "status": "ongoing",
        "phoneCallStatus": "in-progress",
        **parts.get("call", {}),
    }
    message = {"timestamp": sent_at(parts.get("messages")), "type": event_type, "assistant": ASSISTANT, **parts}
    return stored({"message": {**message, "call": call}})


def stored(body: Json | bytes) -> StoredEvent:
    """Take a body in as the ingest does: scrubbed, its envelope opened. Raises Unroutable."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    envelope = open_envelope(scrub(sent))
    return StoredEvent(event_id_of(sent), envelope.event_type, envelope.call_id, RECEIVED_AT_MS, scrub(envelope.body))


def stages_of(one: StoredEvent) -> tuple[str, ...]:
    """Name the stages that an event passes."""
    envelope = open_envelope(one.body)
    return stages_for(envelope.event_type, carries_messages=envelope.carries_messages)


def sent_at(messages: Any) -> int:
    """Say when an event with these messages is sent: with the newest of them."""
    history = messages if isinstance(messages, list | tuple) else ()
    times = [one.get("timestamp") or 0 for one in history if isinstance(one, dict)]
    return max([STARTED_AT_MS, *times])


def _message(message_id: str, role: str, text: str, timestamp: int, metrics: Json, parts: Mapping[str, Any]) -> Json:
    told = {"messageId": message_id, "role": role, "text": text, "timestamp": timestamp, "metrics": metrics}
    return {**told, **parts}


def realistic_call(random: Random, *, messages: int, call_id: str = CALL_ID) -> list[StoredEvent]:
    """Make up the events of a call of about so many messages, in order of sending.

    With what real calls do: the caller speaks over the assistant, whose message may then vanish; a transcription is
    corrected, and sometimes corrected back; a figure changes; a copy lacks a group or leaf; the assistant hangs, a
    vendor fails; the report has the transcript without metrics, or none.
    """
    script = _Script(random, call_id)
    script.tell(status_update("queued", call_id=call_id))
    script.tell(status_update("ongoing", call_id=call_id, sent_at=STARTED_AT_MS + 1))
    for number in range(1, messages // 2):
        script.take_turn(number)
    script.end()
    return script.events


class _Script:
    def __init__(self, random: Random, call_id: str) -> None:
        self.random = random
        self.call_id = call_id
        self.events: list[StoredEvent] = []
        self.history: list[Json] = [welcome()]
        self.update()

    def tell(self, *events: StoredEvent) -> None:
        self.events.extend(events)

    def update(self) -> None:
        # The envelope's clock lags behind its contents at times.
        lag = self.random.choice([0, 0, 0, 15_000])
        told = {"timestamp": sent_at(self.history) + len(self.events) - lag}
        self.tell(conversation_update(self.history, call_id=self.call_id, **told))

    def take_turn(self, number: int) -> None:
        skipped = self.interrupt() if self.happens(0.2) else []
        self.say(user(number, text=f"Question {number}?", confidence=self.random.random(), skipped=skipped))
        if self.happens(0.1):
            self.tell(hang(self.history, call_id=self.call_id))
        if self.happens(0.05):
            self.tell(error(self.history if self.happens(0.5) else None, call_id=self.call_id))
        if self.happens(0.85):
            self.say(assistant(number, text=f"Answer {number}.", llm_ms=self.random.randrange(300, 4000)))
        for change in (self.reword, self.remeasure, self.forget):
            if self.happens(0.25):
                change()

    def say(self, message: Json) -> None:
        self.history = [*self.history, message]
        self.update()

    def interrupt(self) -> list[Any]:
        cut = self.history[-1]
        if cut["role"] != "assistant" or len(self.history) == 1:
            return []
        self.history = self.history[:-1] if self.happens(0.5) else self.history
        return [{"messageId": cut["messageId"], "text": cut["text"]}]

    def reword(self) -> None:
        texts = ["Question one?", "Question won?", self.history[-1]["text"]]
        self.change(self.random.randrange(len(self.history)), "text", value=self.random.choice(texts))

    def remeasure(self) -> None:
        self.change(-1, "metrics", "interactlyPlayer", "waitTimeMs", value=self.random.randrange(500))

    def forget(self) -> None:
        place = self.random.randrange(len(self.history))
        lost = self.random.choice(LOST)
        whole = self.history[place]
        if all(self.holds(whole, lost[:depth]) for depth in range(1, len(lost) + 1)):
            self.history = [*self.history[:place], without(whole, *lost), *self.history[place + 1 :]]
            self.update()

    def change(self, place: int, *path: str, value: Any) -> None:
        place %= len(self.history)
        changed = having(self.history[place], *path, value=value)
        self.history = [*self.history[:place], changed, *self.history[place + 1 :]]
        self.update()

    def end(self) -> None:
        turn = {"start": 4000, "end": 9000, "interrupted": True, "playedDuration": 1.5, "audioDuration": 3.2}
        turns = [{**turn, "userMessageId": f"user-{number}"} for number in (1, 2)]
        history = self.random.choice([self.history, self.history[:-2], []])
        late = {"timestamp": sent_at(self.history) + 20_000}
        self.tell(status_update("finished", call_id=self.call_id, sent_at=late["timestamp"]))
        self.tell(end_of_call_report(history, call_id=self.call_id, bot_turns=turns, **late))

    def holds(self, message: Json, path: Sequence[str]) -> bool:
        return bool(message.get(path[0])) and (len(path) == 1 or self.holds(message[path[0]], path[1:]))

    def happens(self, chance: float) -> bool:
        return self.random.random() < chance
