"""Find what is new in snapshots of a call's conversation, without decoding what is known. Pure.

Every event repeats the whole conversation, so a stage remembers, for each call, the newest snapshot it has taken in:
its version and a fingerprint of each message's raw bytes. A message of that snapshot needs no work when it comes again:
its row is as new as the newest snapshot that holds it.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import msgspec
import xxhash

from workers.histories import Beginning, Fingerprint, History, as_signed, beginning_of, fingerprint_of, split
from workers.records import Version

Timestamp = int  # ms since 1970, 0 where a message has none

_RECORD = struct.Struct("<qq")
NO_VERSION = Version(0, 0, 0, -(2**63))
NO_MESSAGES = b"[]"


@dataclass(frozen=True, slots=True)
class Known:
    """The newest snapshot a stage has taken in of one call, and how to know its history again when it has grown."""

    version: Version = NO_VERSION
    messages: Mapping[Fingerprint, Timestamp] = field(default_factory=dict)
    beginning: Beginning = field(default_factory=Beginning)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The conversation as one event tells it: the envelope's timestamp, and the messages as a JSON array.

    `more` are further items; they count like messages.
    """

    sent_at: Timestamp
    history: bytes = NO_MESSAGES
    more: Sequence[msgspec.Raw] = ()


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
    their rows must be told their version, which from now on nothing else knows. `retold` are the versions of snapshots
    that were read in full: then `new` and `last_seen` are of all their messages.
    """

    known: Known
    versions: Sequence[Version]  # of the snapshots, as they were given
    new: Sequence[NewMessage]
    last_seen: Mapping[Fingerprint, Version]
    left: frozenset[Fingerprint]
    retold: frozenset[Version] = frozenset()


class _Reading(NamedTuple):
    """A snapshot that has been read; one that `is_within` another holds nothing that the other, newer one does not."""

    version: Version
    prints: Sequence[Fingerprint]
    snapshot: Snapshot
    is_within: bool


def fold(
    known: Known, snapshots: Sequence[Snapshot], decode: Callable[[msgspec.Raw], Any], *, in_full: bool = False
) -> Fold:
    """Take in snapshots of one call, in whatever order they come; `decode` is called once for each new message.

    `decode` gives a content with a `timestamp` (ms since 1970, or None). With `in_full`, known messages count as new.
    """
    reader = _Reader(known, decode, in_full=in_full)
    readings = reader.read(snapshots)
    telling = [reading for reading in readings if not reading.is_within]
    last_seen = _last_seen(known, telling)
    latest = max(telling, key=attrgetter("version"), default=None)
    newest = known if latest is None or latest.version <= known.version else _known(latest, reader.timestamps)
    return Fold(
        newest,
        [reading.version for reading in readings],
        [NewMessage(fingerprint, last_seen[fingerprint], content) for fingerprint, content in reader.contents.items()],
        last_seen if in_full else {fingerprint: last_seen[fingerprint] for fingerprint in known.messages},
        frozenset(known.messages.keys() - newest.messages.keys()),
        frozenset(reading.version for reading in readings) if in_full else frozenset(),
    )


def pack(known: Known) -> bytes:
    """Write fingerprints and timestamps as 16 bytes a message."""
    return b"".join(_RECORD.pack(*message) for message in known.messages.items())


def unpack(packed: bytes) -> dict[Fingerprint, Timestamp]:
    """Read what `pack` wrote."""
    return dict(_RECORD.iter_unpack(packed))


class _Reader:
    """Reads snapshots, and decodes each message that is new once."""

    def __init__(self, known: Known, decode: Callable[[msgspec.Raw], Any], *, in_full: bool) -> None:
        self.timestamps = dict(known.messages)
        self.contents: dict[Fingerprint, Any] = {}
        self._read: Mapping[Fingerprint, Any] = self.contents if in_full else self.timestamps
        self._known_prints = tuple(known.messages)
        self._beginning = Beginning() if in_full else known.beginning
        self._decode = decode

    def read(self, snapshots: Sequence[Snapshot]) -> list[_Reading]:
        """Read snapshots, the longest first: the others are often beginnings of it."""
        readings: dict[int, _Reading] = {}
        longest: History | None = None
        for place in sorted(range(len(snapshots)), key=lambda place: -len(snapshots[place].history)):
            snapshot = snapshots[place]
            within = longest and longest.beginning(snapshot.history)
            history = within or split(snapshot.history, self._beginning, self._known_prints)
            longest = longest or history
            is_shorter = within is not None and len(within.prints) < len(longest.prints)
            readings[place] = self._reading(snapshot, history, is_within=is_shorter and not snapshot.more)
        return [readings[place] for place in range(len(snapshots))]

    def _reading(self, snapshot: Snapshot, history: History, *, is_within: bool) -> _Reading:
        more = [(fingerprint_of(raw), raw) for raw in snapshot.more]
        for fingerprint, raw in (*history.fresh, *more):
            if fingerprint not in self._read:
                self.contents[fingerprint] = self._decode(raw)
                self.timestamps[fingerprint] = self.contents[fingerprint].timestamp or 0
        prints = [*history.prints, *(fingerprint for fingerprint, _ in more)]
        return _Reading(_version(snapshot.sent_at, prints, self.timestamps), prints, snapshot, is_within)


def _version(sent_at: Timestamp, prints: Sequence[Fingerprint], timestamps: Mapping[Fingerprint, Timestamp]) -> Version:
    newest_at = max(map(timestamps.__getitem__, prints), default=0)
    tiebreak = as_signed(xxhash.xxh3_64_intdigest(struct.pack(f"<{len(prints)}q", *prints)))
    return Version(newest_at, len(prints), sent_at, tiebreak)


def _last_seen(known: Known, readings: Iterable[_Reading]) -> dict[Fingerprint, Version]:
    told: list[tuple[Version, Sequence[Fingerprint]]] = [(known.version, tuple(known.messages))]
    told += [(reading.version, reading.prints) for reading in readings]
    seen: dict[Fingerprint, Version] = {}
    for version, prints in sorted(told, key=itemgetter(0)):
        seen.update(dict.fromkeys(prints, version))
    return seen


def _known(reading: _Reading, timestamps: Mapping[Fingerprint, Timestamp]) -> Known:
    messages = {fingerprint: timestamps[fingerprint] for fingerprint in reading.prints}
    # The fingerprints can stand for the beginning of a history only if there is one for each of its messages.
    is_plain = len(messages) == reading.version.message_count and not reading.snapshot.more
    return Known(reading.version, messages, beginning_of(reading.snapshot.history) if is_plain else Beginning())
