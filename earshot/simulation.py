"""Made-up calls, as the platform would send them: a stream of webhook bodies, the same for the same seed. Pure.

Shapes and arithmetic follow the platform's documentation: each conversation-update repeats the whole history, a user's
message is complete some time after the transcription, a reply's id begins with the id of the message it answers.
"""

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import msgspec

Event = dict[str, Any]

STARTS = (
    "I would like to", "Could you help me to", "I am calling to", "My wife asked me to", "Is it possible to",
    "Before we go on, may I", "Last week I tried to", "Someone told me I can",
)  # fmt: skip
WISHES = (
    "move my appointment to Friday", "ask about the bill of last month", "cancel the order from Tuesday",
    "speak with somebody about the noise in the gearbox", "change the address you have on file",
    "find out when the parcel arrives", "book a table for six people", "renew my library card",
)  # fmt: skip
COMPLAINTS = (
    "This is terrible, I have been waiting for weeks and nobody cares!",
    "I am furious. This is the worst service I have ever had.",
    "That is a lie, you people are useless and I hate calling here!",
    "Are you kidding? This is awful, you ruined my whole week.",
)
ANSWERS = (
    "Of course. I can see that here, give me one moment please.",
    "I am sorry to hear that. Let me look it up, and I will tell you what we can do about it.",
    "That is possible. The earliest time would be tomorrow at half past nine; would that suit you?",
    "Thank you. I have written that down. Is there anything else that I should know before I confirm it?",
    "Certainly. For that I need the number at the top of your letter, it begins with two letters.",
)
WELCOME = "Good morning, this is the assistant of Alder and Sons. How can I help you?"
DAY_MS = 86_400_000
LONG_AGO_MS = 1_772_702_480_000
# Id, name, provider and model; a call's number decides which answers it.
ASSISTANTS = (
    ("697769ef5e6d94d5ad83e01e", "Reception", "gemini", "gemini-3-flash-preview"),
    ("697769ef5e6d94d5ad83e02f", "Workshop", "gemini", "gemini-3-flash-preview"),
    ("697769ef5e6d94d5ad83e03a", "Orders", "openai", "gpt-5-mini"),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a call goes: `messages` counts the welcome too; then, how often a reply is cut short, and a caller angry."""

    messages: int = 20
    barge_in: float = 0.1
    angry: float = 0.0


@dataclass(slots=True)
class Conversation:
    """A call as it unfolds: its clock (ms since 1970), and what has been said so far."""

    chance: random.Random
    number: int
    call_id: str
    started_at: int
    now: int = 0
    turn: int = 0
    messages: list[Event] = field(default_factory=list)


def simulate_call(
    seed: int, number: int, plan: Plan = Plan(), begins_at: int = LONG_AGO_MS, within_ms: int = DAY_MS
) -> Iterator[Event]:
    """Yield the bodies of one call in the order of sending: statuses, a snapshot per message, and the report.

    It begins within `within_ms` after `begins_at` (ms since 1970).
    """
    chance = random.Random(f"{seed}-{number}")  # noqa: S311 - made-up calls, not secrets
    call = Conversation(chance, number, _call_id(chance), begins_at + chance.randrange(within_ms))
    call.now = call.started_at
    for status in ("initiated", "queued", "ongoing"):
        call.now += chance.randint(20, 400)
        yield _event(call, "status-update", status, assistant=_assistant(call))
    while len(call.messages) < plan.messages:
        _say_next(call, plan)
        yield _event(call, "conversation-update", "ongoing", messages=list(call.messages))
    call.now += chance.randint(500, 3000)
    yield _event(call, "status-update", "finished", assistant=_assistant(call))
    yield _report(call)


def count_events(plan: Plan) -> int:
    """Count the events of a call: one a message, four statuses and the report."""
    return plan.messages + 5


def simulate_calls(seed: int, calls: int, at_once: int, plan: Plan, begins_at: int = LONG_AGO_MS) -> Iterator[bytes]:
    """Yield the bodies of many calls, of which `at_once` go on side by side, in turn."""
    waiting = (simulate_call(seed, number, plan, begins_at) for number in range(calls))
    going = list(islice(waiting, at_once))
    while going:
        for call in list(going):
            event = next(call, None)
            if event is not None:
                yield msgspec.json.encode(event)
            else:
                going.remove(call)
                going.extend(islice(waiting, 1))


def _say_next(call: Conversation, plan: Plan) -> None:
    if not call.messages:
        call.messages.append(_welcome(call))
    elif call.messages[-1]["role"] == "assistant":
        call.messages.append(_user(call, plan))
    else:
        call.messages.append(_reply(call, call.messages[-1]))


def _welcome(call: Conversation) -> Event:
    call.now += 200
    metrics = {
        "timeline": {"totalElapsedTimeMs": call.now - call.started_at},
        "audio": {"totalAudioReceivedMs": 16},
        "llm": {},
        "tts": {"audioDurationMs": 2900, "queueLatencyMs": 0, "generationTimeMs": 7, "isCachePlaying": True},
        "interactlyPlayer": {"waitTimeMs": 7},
    }
    return _message("welcome-1", "assistant", WELCOME, call.now, metrics)


def _user(call: Conversation, plan: Plan) -> Event:
    chance = call.chance
    call.turn += 1
    silence, speech = chance.randint(300, 2500), chance.randint(600, 5200)
    transcribed = call.now + silence + speech
    detection, queue = chance.choice((400, 700, 1000)), chance.randint(0, 3)
    call.now = transcribed + detection + queue
    elapsed = transcribed - call.started_at
    metrics = {
        "timeline": {"offsetFromPreviousTurnMs": silence + speech, "totalElapsedTimeMs": elapsed},
        "audio": {
            "delayedPacketsPerTurnCount": chance.randint(-2, 12),
            "delayedPacketsCumulativeCount": chance.randint(-2, 12),
            "lostPacketsCumulativeCount": 0,
            "audioDelayPerTurnMs": chance.randint(-30, 200),
            "audioDelayCumulativeMs": chance.randint(-30, 200),
            "offsetFromPreviousTurnMs": silence + speech - 10,
            "totalAudioReceivedMs": elapsed + 16,
        },
        "stt": {
            "timestampMs": transcribed,
            "startOffsetMs": elapsed - speech,
            "endOffsetMs": elapsed,
            "durationMs": speech,
            "vadMs": chance.randint(-100, 4500),
            "relativeLatencyMs": -chance.randint(150, 400),
            "confidence": round(chance.uniform(0.25, 0.999), 7),
        },
        "interactlyEOU": {"turnDetectionTimeMs": detection, "queueLatencyMs": queue},
    }
    message = _message(f"user-{call.turn}", "user", _words(call, plan), call.now, metrics)
    message["skippedAssistantMessages"] = _skipped(call, plan)
    return message


def _words(call: Conversation, plan: Plan) -> str:
    wish = f"{call.chance.choice(STARTS)} {call.chance.choice(WISHES)}."
    # From a chance of its own, so that all else of the call stays as it is without.
    temper = random.Random(f"{call.call_id}-{call.turn}")  # noqa: S311 - made-up calls, not secrets
    return temper.choice(COMPLAINTS) if temper.random() < plan.angry else wish


def _skipped(call: Conversation, plan: Plan) -> list[Event]:
    last = call.messages[-1]
    if len(call.messages) < 3 or call.chance.random() >= plan.barge_in:  # noqa: PLR2004 - nobody cuts in on the welcome
        return []
    return [{"messageId": last["messageId"], "text": call.chance.choice(ANSWERS)}]


def _reply(call: Conversation, to: Event) -> Event:
    chance = call.chance
    llm_queue, llm = chance.randint(0, 6), max(250, round(chance.lognormvariate(6.8, 0.5)))
    tts_queue, tts = chance.randint(0, 4), chance.randint(120, 480)
    answered = call.now + llm_queue + llm
    call.now = answered + tts_queue + tts
    elapsed = call.now - call.started_at
    metrics = {
        "timeline": {"totalElapsedTimeMs": elapsed},
        "audio": {"totalAudioReceivedMs": elapsed + 16},
        "llm": {"timestampMs": answered, "queueLatencyMs": llm_queue, "responseLatencyMs": llm},
        "tts": {
            "audioDurationMs": chance.randint(1200, 6000),
            "queueLatencyMs": tts_queue,
            "generationTimeMs": tts,
            "isCachePlaying": chance.random() < 0.05,  # noqa: PLR2004 - a cached phrase now and then
        },
        "interactlyPlayer": {"waitTimeMs": tts - 1},
    }
    message_id = f"{to['messageId']}-{_word(chance, 10)}-{answered}"
    return _message(message_id, "assistant", chance.choice(ANSWERS), call.now, metrics)


def _report(call: Conversation) -> Event:
    call.now += call.chance.randint(1000, 8000)
    seconds = (call.now - call.started_at) // 1000
    told = [{name: value for name, value in message.items() if name != "metrics"} for message in call.messages]
    body = _event(call, "end-of-call-report", "finished", messages=told)
    body["message"]["analysis"] = {
        "summary": "The caller asked for a change, and it was made.",
        "successEvaluation": call.chance.choice(("success", "partly")),
        "structuredData": {"wish": call.chance.choice(WISHES)},
    }
    body["message"]["call"] |= {
        "endAt": _iso(call.now),
        "assistantCallDuration": call.now - call.started_at,
        "phoneCallStatus": "completed",
        "callEndTriggerBy": "user",
        "cost": {"callDuration": seconds, "totalCost": round(seconds * 0.0021, 4)},
    }
    return body


def _event(call: Conversation, event_type: str, status: str, **parts: Any) -> Event:
    details = {
        "id": call.call_id,
        "teamId": "67c0231ae6880fe48ef929ee",
        "assistantId": _assistant(call)["_id"],
        "callType": "web",
        "direction": "inbound",
        # The platform tells it a few milliseconds differently each time.
        "startAt": _iso(call.started_at + call.now % 7),
        "userNumber": "web-A Caller",
        "assistantNumber": _assistant(call)["_id"],
        "status": status,
        "phoneCallStatus": "in-progress",
        "callEndTriggerBy": "",
        "assistantCallDuration": 0,
        "analysis": {"summary": "", "successEvaluation": ""},
        "recording": {"s3Bucket": "", "path": ""},
        "metadata": {},
    }
    message = {"timestamp": call.now, "type": event_type, "call": details, "assistant": {}, "analysis": {}}
    return {"message": {**message, **parts, "phone": {"provider": {"name": ""}}}}


def _assistant(call: Conversation) -> Event:
    assistant = ASSISTANTS[call.number % len(ASSISTANTS)]
    return dict(zip(("_id", "name", "assistantProvider", "assistantModel"), assistant, strict=True))


def _message(message_id: str, role: str, text: str, timestamp: int, metrics: Event) -> Event:
    return {"messageId": message_id, "role": role, "text": text, "timestamp": timestamp, "metrics": metrics}


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _call_id(chance: random.Random) -> str:
    digits = f"{chance.getrandbits(128):032x}"
    return f"WC-{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _word(chance: random.Random, length: int) -> str:
    return "".join(chance.choices(string.ascii_letters + string.digits, k=length))
