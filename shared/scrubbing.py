"""Take the platform's own secret out of a body before anything is stored. Pure.

`assistant.assistantServer` is the platform's copy of the very webhook settings we authenticate it by. It comes whole in
every status-update, and must reach no store, log or export.
"""

import re
from collections.abc import Iterable
from typing import Any

from shared import lenient_json

SCRUBBED_KEY = "assistantServer"
REMOVED = b"[removed]"

# A shorter secret could be a word of the conversation; one as short as this protects nothing anyway.
SHORTEST_SECRET = 8

_KEY = SCRUBBED_KEY.encode()
# JSON may spell any letter of a key as an escape; no known sender does.
_ESCAPED_LETTER = re.compile(rb"\\u00([46][1-9a-fA-F]|[57][0-9aA])")
_KEY_AND_COLON = re.compile(rb'"assistantServer"\s*:\s*')
_STRING_OR_BRACE = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],]', re.DOTALL)


def scrub(body: bytes, secrets: Iterable[str] = ()) -> bytes:
    """Remove every `assistantServer`, at any depth, and each of our own secrets wherever it stands.

    A body that is no JSON is scrubbed as text: what follows the key is cut up to its closing brace, or to the end.
    """
    if _may_hold_key(body):
        body = _without_key(body)
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            body = body.replace(secret.encode(), REMOVED)
    return body


def _may_hold_key(body: bytes) -> bool:
    # NUL bytes are JSON in UTF-16, in which the key looks different.
    return _KEY in body or b"\0" in body or (b"\\" in body and _ESCAPED_LETTER.search(body) is not None)


def _without_key(body: bytes) -> bytes:
    try:
        value = lenient_json.decode(body)
        return lenient_json.encode(_pruned(value)) if _holds_key(value) else body
    except (lenient_json.UnreadableJson, RecursionError):
        plain = _spelt_plainly(body)
        return _cut(plain) if _KEY in plain else body


def _spelt_plainly(body: bytes) -> bytes:
    return _ESCAPED_LETTER.sub(lambda match: bytes.fromhex(match[1].decode()), body.replace(b"\0", b""))


def _holds_key(value: Any) -> bool:
    if isinstance(value, dict):
        return SCRUBBED_KEY in value or any(map(_holds_key, value.values()))
    return isinstance(value, list) and any(map(_holds_key, value))


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _pruned(item) for key, item in value.items() if key != SCRUBBED_KEY}
    return [_pruned(item) for item in value] if isinstance(value, list) else value


def _cut(body: bytes) -> bytes:
    kept = bytearray()
    start = 0
    for match in _KEY_AND_COLON.finditer(body):
        if match.start() >= start:
            kept += body[start : match.end()] + b'"%b"' % REMOVED
            start = _end_of_value(body, match.end())
    return bytes(kept + body[start:])


def _end_of_value(body: bytes, start: int) -> int:
    """Find where the value that begins at `start` ends, by its braces; the end of the body if they never close."""
    depth = 0
    for token in _STRING_OR_BRACE.finditer(body, start):
        symbol = token.group()
        depth += (symbol in b"{[") - (symbol in b"}]") if len(symbol) == 1 else 0
        if depth <= 0:
            return token.start() if symbol == b"," else token.end()
    return len(body)
