"""A delivery's body, made readable: laid out where it is JSON, cut where it is long, nothing in it invisible. Pure."""

import json
import re
from dataclasses import dataclass
from typing import Any

# What a person can scroll through, and a browser shows at once.
LONGEST_SHOWN = 100_000
# As many characters take up to four bytes each.
MOST_BYTES_SHOWN = 4 * LONGEST_SHOWN
# Laying out costs memory many times the size of what is laid out.
LARGEST_LAID_OUT = 1024 * 1024

# Control characters, and those that turn text around or take no room; joiners belong to emojis and scripts.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ReadableBody:
    """A body as text; `size` is that of the whole in bytes, `is_whole` tells whether all of it is shown."""

    text: str
    size: int
    is_json: bool
    is_whole: bool


def make_readable(body: bytes, size: int) -> ReadableBody:
    """Make a body of `size` bytes readable, whatever it holds, of which at least what is shown is there."""
    laid_out = _lay_out(body) if len(body) == size <= LARGEST_LAID_OUT else None
    text = body[:MOST_BYTES_SHOWN].decode(errors="replace") if laid_out is None else laid_out
    is_whole = len(text) <= LONGEST_SHOWN and (laid_out is not None or size <= MOST_BYTES_SHOWN)
    return ReadableBody(_seen(text[:LONGEST_SHOWN]), size, laid_out is not None, is_whole)


def _lay_out(body: bytes) -> str | None:
    try:
        value: Any = json.loads(body)
        return json.dumps(value, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None


def _seen(text: str) -> str:
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
