"""JSON as senders really write it: strict and fast first, forgiving when that fails. Pure.

PostgreSQL takes neither NUL nor lone surrogates, and JSON knows no NaN; none of them may cost an event. So what the
strict decoder refuses is read again by Python's own, and what has no place in a database is spelt out or replaced.
"""

import json
import math
from typing import Any

import msgspec

REPLACEMENT = "\ufffd"
LONGEST_INTEGER = 300

_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), REPLACEMENT)


class UnreadableJson(ValueError):
    """The bytes are no JSON, or nest too deeply to be walked; `reason` is a word for the quarantine."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode(raw: bytes | msgspec.Raw) -> Any:
    """Decode JSON; NaN, infinities and monstrous numbers come out as their text, lone surrogates as U+FFFD."""
    try:
        return msgspec.json.decode(raw)
    except RecursionError as error:
        raise UnreadableJson("nested_too_deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _decode_leniently(bytes(raw))


def repair(raw: bytes) -> bytes:
    """Rewrite JSON that only the lenient reading understands as strict JSON."""
    return encode(_decode_leniently(raw))


def encode(value: Any) -> bytes:
    """Encode what `decode` gave."""
    try:
        return msgspec.json.encode(value)
    except RecursionError as error:
        raise UnreadableJson("nested_too_deeply") from error


def _decode_leniently(raw: bytes) -> Any:
    text = raw.decode(json.detect_encoding(raw), errors="replace")
    try:
        value = json.loads(text, parse_constant=str, parse_float=_float, parse_int=_int)
        return _without_surrogates(value)
    except RecursionError as error:
        raise UnreadableJson("nested_too_deeply") from error
    except ValueError as error:
        raise UnreadableJson("malformed_json") from error


def _float(literal: str) -> float | str:
    value = float(literal)
    return value if math.isfinite(value) else literal


def _int(literal: str) -> int | float | str:
    return int(literal) if len(literal) <= LONGEST_INTEGER else literal


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.translate(_SURROGATES) if _has_surrogates(value) else value
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
