"""Turn what senders put in a field into what a column holds. Pure, and never raises.

A value of the wrong type is not an error: numbers come as strings, times as ISO text or in seconds, anything as null.
What cannot be understood becomes None, and the caller decides where the original is kept.
"""

import math
from datetime import UTC, datetime
from typing import Any

import msgspec
import xxhash

from shared.lenient_json import REPLACEMENT

# PostgreSQL's b-tree holds keys of up to 2,704 bytes; two keys of four-byte characters must fit in one.
LONGEST_KEY = 256
KEPT_OF_LONG_KEY = 200

# Below this a number counts seconds: as milliseconds it would be before April 1970, as seconds before the year 5138.
SMALLEST_EPOCH_MS = 10_000_000_000
# 9999-12-31: the last day that Python's dates, and so every reader in it, can hold.
LARGEST_EPOCH_MS = 253_402_214_400_000
LARGEST_BIGINT = 2**63 - 1
# Python itself gives up at some hundreds.
DEEPEST_JSON = 100


def as_text(value: Any) -> str | None:
    """Keep text, spell out any other value as JSON; NUL, which PostgreSQL refuses, becomes U+FFFD."""
    if value is None:
        return None
    text = value if isinstance(value, str) else _spelt_out(value)
    return text.replace("\0", REPLACEMENT)


def as_filled_text(value: Any) -> str | None:
    """Keep text that says something: the sender writes "" where it knows nothing."""
    return as_text(value) or None


def as_key(value: Any) -> str | None:
    """Keep an identifier; a number is spelt out, and one too long for an index is cut and told apart by a digest."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    key = str(value).replace("\0", REPLACEMENT)
    if len(key) <= LONGEST_KEY:
        return key or None
    return f"{key[:KEPT_OF_LONG_KEY]}~{xxhash.xxh3_128_hexdigest(key.encode())}"


def as_number(value: Any) -> float | int | None:
    """Keep a finite number, or the text of one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = _number_in(value)
    return value if isinstance(value, int | float) and abs(value) <= LARGEST_BIGINT else None


def as_integer(value: Any) -> int | None:
    """Keep a number without a fraction that a bigint can hold."""
    number = as_number(value)
    return int(number) if number is not None and number == int(number) else None


def as_boolean(value: Any) -> bool | None:
    """Keep true and false, also as text."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def as_epoch_ms(value: Any) -> int | None:
    """Keep a moment as ms since 1970; seconds, text and ISO 8601 are understood. None outside 1970 to 9999."""
    number = as_number(value)
    if number is None:
        return _iso_ms(value) if isinstance(value, str) else None
    milliseconds = number if number >= SMALLEST_EPOCH_MS else number * 1000
    return round(milliseconds) if 0 < milliseconds <= LARGEST_EPOCH_MS else None


def as_object(value: Any) -> dict[str, Any]:
    """Keep a JSON object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def as_filled_object(value: Any) -> dict[str, Any] | None:
    """Keep a JSON object that has something in it."""
    return as_object(value) or None


def as_list(value: Any) -> list[Any]:
    """Keep a JSON array; anything else is an empty one."""
    return value if isinstance(value, list) else []


def without_nul(value: Any, levels: int = DEEPEST_JSON) -> Any:
    """Make a JSON value fit for jsonb, which refuses NUL in texts and keys; what nests deeper becomes text."""
    if isinstance(value, str):
        return value.replace("\0", REPLACEMENT)
    if not isinstance(value, list | dict):
        return value
    if levels == 0:
        return as_text(value)
    if isinstance(value, list):
        return [without_nul(item, levels - 1) for item in value]
    return {without_nul(key): without_nul(item, levels - 1) for key, item in value.items()}


def moment(milliseconds: int | None) -> datetime | None:
    """Turn milliseconds since 1970 into a time, to the millisecond exactly."""
    if milliseconds is None:
        return None
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def _spelt_out(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except RecursionError:  # almost as deep as the ingest lets in: only the body tells it
        return REPLACEMENT


def _number_in(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number == int(number) else number


def _iso_ms(text: str) -> int | None:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    milliseconds = round(aware.timestamp() * 1000)
    return milliseconds if 0 < milliseconds <= LARGEST_EPOCH_MS else None
