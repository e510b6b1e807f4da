"""The rows that a plain worker makes of messages, stage by stage, as one array a column. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]
Row = dict[str, Any]
Columns = dict[str, list[Any]]

METRICS = {
    "llm_response_latency_ms": ("llm", "responseLatencyMs"),
    "llm_queue_latency_ms": ("llm", "queueLatencyMs"),
    "tts_generation_time_ms": ("tts", "generationTimeMs"),
    "tts_audio_duration_ms": ("tts", "audioDurationMs"),
    "tts_queue_latency_ms": ("tts", "queueLatencyMs"),
    "tts_is_cache_playing": ("tts", "isCachePlaying"),
    "stt_confidence": ("stt", "confidence"),
    "stt_vad_ms": ("stt", "vadMs"),
    "stt_duration_ms": ("stt", "durationMs"),
    "eou_turn_detection_time_ms": ("interactlyEOU", "turnDetectionTimeMs"),
}
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "transcripts": ("call_id", "message_id", "role", "text", "spoken_at", "confidence"),
    "metrics": ("call_id", "message_id", "role", *METRICS),
    "interruptions": (
        *("call_id", "message_id", "ordinal", "interrupted_text", "interrupted_message_id", "interrupted_at"),
    ),
}


def columns_of(stage: str, messages: Iterable[tuple[str, Message]]) -> Columns:
    """Turn messages, each with its call's id, into the columns of a stage's table."""
    rows = [row for call_id, message in messages for row in _ROWS[stage](call_id, message)]
    return {name: [row[name] for row in rows] for name in COLUMNS[stage]}


def _message_rows(call_id: str, message: Message) -> Sequence[Row]:
    return [
        {
            **_key(call_id, message),
            "role": message["role"],
            "text": message["text"],
            "spoken_at": message["timestamp"],
            "confidence": message["metrics"].get("stt", {}).get("confidence"),
        }
    ]


def _metrics_rows(call_id: str, message: Message) -> Sequence[Row]:
    groups = message["metrics"]
    values = {name: groups.get(group, {}).get(leaf) for name, (group, leaf) in METRICS.items()}
    return [{**_key(call_id, message), "role": message["role"], **values}]


def _interruption_rows(call_id: str, message: Message) -> Sequence[Row]:
    return [
        {
            **_key(call_id, message),
            "ordinal": ordinal,
            "interrupted_text": skipped["text"],
            "interrupted_message_id": skipped["messageId"],
            "interrupted_at": message["timestamp"],
        }
        for ordinal, skipped in enumerate(message.get("skippedAssistantMessages", ()))
    ]


def _key(call_id: str, message: Message) -> Row:
    return {"call_id": call_id, "message_id": message["messageId"]}


_ROWS: Mapping[str, Callable[[str, Message], Sequence[Row]]] = {
    "transcripts": _message_rows,
    "metrics": _metrics_rows,
    "interruptions": _interruption_rows,
}
