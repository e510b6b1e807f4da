"""Find what is new in a snapshot of a call's conversation, without decoding what is known. Pure.

Every event repeats the whole conversation, so a stage remembers, for each call, the newest snapshot it has taken in:
its version and a fingerprint of each message's raw bytes. A message of that snapshot needs no work when it comes again:
its row is as new as the newest snapshot that holds it.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import xxhash

from workers.records import Version

Fingerprint = int  # signed 64 bits, as PostgreSQL's bigint
Timestamp = int  # ms since 1970, 0 where a message has none

_RECORD = struct.Struct("<qq")
NO_VERSION = Version(0, 0, 0, -(2**63))


@dataclass(frozen=True, slots=True)
class Known:
    """The newest snapshot a stage has taken in of one call."""

    version: Version = NO_VERSION
    messages: Mapping[Fingerprint, Timestamp] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The conversation as one event tells it: the envelope's timestamp and the raw messages."""

    sent_at: Timestamp
    raw_messages: Sequence[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message that the newest snapshot did not hold; `version` is that of the newest snapshot with it."""

    fingerprint: Fingerprint
    version: Version
    content: Any


@dataclass(frozen=True, slots=True)
class Fold:
    """What a batch of snapshots of one call comes to.

    `last_seen` gives the version of the newest snapshot that holds a message, for the messages of the newest snapshot
    before the batch: of any other message the row knows it. `left` are those that the newest snapshot no longer holds:
    their rows must be told their version, which from now on nothing else knows.
    """

    known: Known
    versions: Sequence[Version]  # of the snapshots, as they were given
    new: Sequence[NewMessage]
    last_seen: Mapping[Fingerprint, Version]
    left: frozenset[Fingerprint]


def fold(known: Known, snapshots: Iterable[Snapshot], decode: Callable[[msgspec.Raw], Any]) -> Fold:
    """Take in snapshots of one call, in whatever order they come; `decode` is called once for each new message.

    `decode` gives a content with a `timestamp` (ms since 1970, or None).
    """
    contents: dict[Fingerprint, Any] = {}
    timestamps = dict(known.messages)
    last_seen = dict.fromkeys(known.messages, known.version)
    newest = known
    versions: list[Version] = []
    for snapshot in snapshots:
        prints = [_fingerprint(raw) for raw in snapshot.raw_messages]
        for fingerprint, raw in zip(prints, snapshot.raw_messages, strict=True):
            if fingerprint not in timestamps:
                contents[fingerprint] = decode(raw)
                timestamps[fingerprint] = contents[fingerprint].timestamp or 0
        version = _version(snapshot.sent_at, prints, timestamps)
        versions.append(version)
        for fingerprint in prints:
            last_seen[fingerprint] = max(version, last_seen.get(fingerprint, version))
        if version > newest.version:
            newest = Known(version, {fingerprint: timestamps[fingerprint] for fingerprint in prints})
    new = [NewMessage(fingerprint, last_seen[fingerprint], content) for fingerprint, content in contents.items()]
    of_known = {fingerprint: last_seen[fingerprint] for fingerprint in known.messages}
    return Fold(newest, versions, new, of_known, frozenset(known.messages.keys() - newest.messages.keys()))


def pack(known: Known) -> bytes:
    """Write fingerprints and timestamps as 16 bytes a message."""
    return b"".join(_RECORD.pack(*message) for message in known.messages.items())


def unpack(version: Version, packed: bytes) -> Known:
    """Read what `pack` wrote."""
    return Known(version, dict(_RECORD.iter_unpack(packed)))


def _fingerprint(raw: msgspec.Raw) -> Fingerprint:
    return _signed(xxhash.xxh3_64_intdigest(raw))


def _version(sent_at: Timestamp, prints: Sequence[Fingerprint], timestamps: Mapping[Fingerprint, Timestamp]) -> Version:
    newest_at = max((timestamps[fingerprint] for fingerprint in prints), default=0)
    tiebreak = _signed(xxhash.xxh3_64_intdigest(struct.pack(f"<{len(prints)}q", *prints)))
    return Version(newest_at, len(prints), sent_at, tiebreak)


def _signed(unsigned: int) -> int:
    return unsigned - 2**64 if unsigned >= 2**63 else unsigned
