"""Stage `metrics`: how long each part of a turn took, and how well it was heard.

Consumes every event that carries messages. Writes `message_metrics`. Guarantees a typed column for every leaf the
platform documents, `extra` for every other and for every value of an unforeseen type, and that nothing said once is
erased by an event that does not say it.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from shared.database import Connection
from shared.events import WebhookEvent, read_message, replied_to, unnamed
from shared.fields import as_boolean, as_epoch_ms, as_integer, as_number, moment, without_nul
from workers.absorption import Content, Reader, absorb
from workers.arrays import as_json_literal

STAGE = "metrics"
# What it writes, but for what the pipeline keeps for itself.
TABLES = ("message_metrics",)

SMALLEST_RECENT_MS = 1_000_000_000_000

Convert = Callable[[Any], Any]


def as_duration(value: Any) -> float | None:
    """Keep a number of milliseconds; below zero is normal."""
    number = as_number(value)
    return None if number is None else float(number)


def as_recent_ms(value: Any) -> int | None:
    """Keep a moment since 2001 as ms since 1970; a smaller number counts from the beginning of the call."""
    milliseconds = as_epoch_ms(value)
    return milliseconds if milliseconds is not None and milliseconds >= SMALLEST_RECENT_MS else None


# Group and leaf, as the platform spells them, to column and its type.
LEAVES: Mapping[tuple[str, str], tuple[str, Convert]] = MappingProxyType(
    {
        ("timeline", "totalElapsedTimeMs"): ("timeline_total_elapsed_time_ms", as_duration),
        ("timeline", "offsetFromPreviousTurnMs"): ("timeline_offset_from_previous_turn_ms", as_duration),
        ("audio", "totalAudioReceivedMs"): ("audio_total_received_ms", as_duration),
        ("audio", "audioDelayPerTurnMs"): ("audio_delay_per_turn_ms", as_duration),
        ("audio", "audioDelayCumulativeMs"): ("audio_delay_cumulative_ms", as_duration),
        ("audio", "delayedPacketsPerTurnCount"): ("audio_delayed_packets_per_turn_count", as_integer),
        ("audio", "delayedPacketsCumulativeCount"): ("audio_delayed_packets_cumulative_count", as_integer),
        ("audio", "lostPacketsCumulativeCount"): ("audio_lost_packets_cumulative_count", as_integer),
        ("audio", "offsetFromPreviousTurnMs"): ("audio_offset_from_previous_turn_ms", as_duration),
        ("stt", "timestampMs"): ("stt_timestamp_ms", as_recent_ms),
        ("stt", "startOffsetMs"): ("stt_start_offset_ms", as_duration),
        ("stt", "endOffsetMs"): ("stt_end_offset_ms", as_duration),
        ("stt", "durationMs"): ("stt_duration_ms", as_duration),
        ("stt", "vadMs"): ("stt_vad_ms", as_duration),
        ("stt", "relativeLatencyMs"): ("stt_relative_latency_ms", as_duration),
        ("stt", "confidence"): ("stt_confidence", as_duration),
        ("llm", "timestampMs"): ("llm_timestamp_ms", as_recent_ms),
        ("llm", "queueLatencyMs"): ("llm_queue_latency_ms", as_duration),
        ("llm", "responseLatencyMs"): ("llm_response_latency_ms", as_duration),
        ("tts", "audioDurationMs"): ("tts_audio_duration_ms", as_duration),
        ("tts", "generationTimeMs"): ("tts_generation_time_ms", as_duration),
        ("tts", "queueLatencyMs"): ("tts_queue_latency_ms", as_duration),
        ("tts", "isCachePlaying"): ("tts_is_cache_playing", as_boolean),
        ("interactlyEOU", "turnDetectionTimeMs"): ("eou_turn_detection_time_ms", as_duration),
        ("interactlyEOU", "queueLatencyMs"): ("eou_queue_latency_ms", as_duration),
        ("interactlyPlayer", "waitTimeMs"): ("player_wait_time_ms", as_duration),
    }
)
LEAF_COLUMNS = tuple(column for column, _ in LEAVES.values())
# ASCII's own separator of units; no name of a metric holds it.
SEPARATOR = "\x1f"
_COLUMNS = {f"{group}{SEPARATOR}{leaf}": column for (group, leaf), column in LEAVES.items()}


class MetricsTable:
    """The rows of `message_metrics`; a leaf without a column is a cell of its own inside `extra`."""

    topic = "metrics"
    key_names = ("call_id", "message_id")
    column_names = ("role", "reply_to", "spoken_at", *LEAF_COLUMNS, "extra")

    def to_columns(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Gather the cells of `extra`, group by group."""
        typed = {name: value for name, value in values.items() if SEPARATOR not in name}
        extra = nested({name: value for name, value in values.items() if SEPARATOR in name})
        reply_to = replied_to(values["message_id"], values.get("role"))
        return {**typed, "reply_to": reply_to, "extra": as_json_literal(extra)}

    def to_cells(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Spread `extra` out again."""
        typed = {name: columns[name] for name in ("role", "spoken_at", *LEAF_COLUMNS)}
        return {**typed, **flat(columns["extra"] or {})}


def process(connection: Connection, events: Sequence[WebhookEvent]) -> Mapping[str, int]:
    """Store the metrics of a batch; returns how many rows each event made new or changed."""
    return absorb(connection, STAGE, events, MetricsTable(), Reader(read_content)).written


def read_content(raw: msgspec.Raw) -> Content:
    """Read the metrics of a message, as the cells of its row; without any metric there is no row."""
    message = read_message(raw)
    cells = metric_cells(message.metrics)
    if not cells:
        return Content(message.timestamp, {})
    row = {"role": message.role, "spoken_at": moment(message.timestamp), **cells}
    return Content(message.timestamp, {(message.message_id or unnamed(raw),): row})


def metric_cells(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Name every leaf that says something: by its column, or as a cell of `extra`."""
    cells: dict[str, Any] = {}
    for name, value in flat(metrics).items():
        column, convert = _COLUMNS.get(name) or (without_nul(name), without_nul)
        converted = convert(value)
        if converted is None:
            cells[name] = without_nul(value)
        else:
            cells[column] = converted
    return cells


def flat(groups: Mapping[str, Any]) -> dict[str, Any]:
    """Name leaves by group, separator and leaf; what is no group is a leaf without a name. Null is left out."""
    leaves: dict[str, Any] = {}
    for group, value in groups.items():
        for leaf, item in value.items() if isinstance(value, dict) else [("", value)]:
            if item is not None:
                leaves[f"{group}{SEPARATOR}{leaf}"] = item
    return leaves


def nested(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """Undo `flat`."""
    groups: dict[str, Any] = {}
    for name, value in leaves.items():
        group, _, leaf = name.partition(SEPARATOR)
        groups.setdefault(group, {})[leaf] = value
    return {group: leaves[""] if _is_no_group(leaves) else leaves for group, leaves in groups.items()}


def _is_no_group(leaves: Mapping[str, Any]) -> bool:
    # An object would be taken for a group when it is spread out again.
    return list(leaves) == [""] and not isinstance(leaves[""], dict)
