"""Split the history that an event repeats into its messages, each known by a fingerprint of its raw bytes. Pure.

A history grows at its end, so most begin, byte for byte, with one that has been split before: the one the stage took in
last, or a longer one of the same batch. Of such a history only the rest is split, and of a beginning nothing at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import NamedTuple

import msgspec
import xxhash

Fingerprint = int  # signed 64 bits, as PostgreSQL's bigint

_raw_list = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first bytes of the histories to come: those of an earlier one without its closing bracket, as a digest."""

    size: int = 0
    digest: bytes = b""

    def begins(self, raw: bytes) -> bool:
        """Tell whether a history begins like this, and goes on with another message or ends."""
        return 0 < self.size < len(raw) and raw[self.size] in b",]" and _digest(raw[: self.size]) == self.digest


class History(NamedTuple):
    """A history that has been split.

    `fresh` are the messages that had to be looked at; `counts` tells, for each length in bytes at which another history
    may end that is a beginning of this one, how many messages it has.
    """

    raw: bytes
    prints: Sequence[Fingerprint]
    fresh: Sequence[tuple[Fingerprint, msgspec.Raw]] = ()
    counts: Mapping[int, int] = MappingProxyType({})

    def beginning(self, raw: bytes) -> "History | None":
        """Give another history, if it is this one or a beginning of it."""
        count = self.counts.get(len(raw) - 1)
        if count is None or not self.raw.startswith(raw[:-1]):
            return None
        return History(raw, self.prints[:count])


def split(raw: bytes, known: Beginning, known_prints: Sequence[Fingerprint]) -> History:
    """Split a JSON array into its messages; what is no array has none."""
    if known.begins(raw):
        rest = b"[" + raw[known.size :].removeprefix(b",")
        return _split(raw, rest, known.size, known_prints)
    return _split(raw, raw, 0, ())


def beginning_of(raw: bytes) -> Beginning:
    """Remember a history, to know it again when it has grown."""
    return Beginning(len(raw) - 1, _digest(raw[:-1]))


def count_messages(raw: bytes) -> int:
    """Count the messages of a history."""
    return len(_messages(raw))


def last_message(raw: bytes) -> msgspec.Raw | None:
    """Give the newest message of a history, as it came; None where it has none."""
    messages = _messages(raw)
    return messages[-1] if messages else None


def fingerprint_of(raw: msgspec.Raw) -> Fingerprint:
    """Digest the raw bytes of one message."""
    return as_signed(xxhash.xxh3_64_intdigest(raw))


def as_signed(unsigned: int) -> int:
    """Fit 64 bits into PostgreSQL's bigint."""
    return unsigned - 2**64 if unsigned >= 2**63 else unsigned


def _split(raw: bytes, rest: bytes, offset: int, before: Sequence[Fingerprint]) -> History:
    messages = _messages(rest)
    fresh = [(fingerprint_of(message), message) for message in messages]
    ends = [offset + end for end in accumulate(len(message) + 1 for message in messages)]
    counts = {end: number for number, end in enumerate(ends, start=len(before) + 1)}
    if before:
        counts[offset] = len(before)
    # Blanks between the messages would shift the ends: then there is no telling beginnings.
    is_compact = max(counts, default=0) == len(raw) - 1
    return History(raw, [*before, *(fingerprint for fingerprint, _ in fresh)], fresh, counts if is_compact else {})


def _messages(raw: bytes) -> Sequence[msgspec.Raw]:
    try:
        return _raw_list.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()


def _digest(raw: bytes) -> bytes:
    return xxhash.xxh3_128_digest(raw)
