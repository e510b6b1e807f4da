"""Finding what is new in a snapshot, in whatever order snapshots come."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import examples
from workers.records import Version
from workers.snapshots import Fold, Known, Snapshot, fold, pack, unpack

MESSAGES = [b'{"id":"%s","at":%d}' % (name, at) for name in (b"a", b"b", b"c") for at in (0, 1, 2)]
histories = st.lists(st.sampled_from(MESSAGES), max_size=4).map(lambda raws: _history(*raws))
more = st.lists(st.sampled_from(MESSAGES[:2]), max_size=1).map(lambda raws: tuple(map(msgspec.Raw, raws)))
snapshots = st.builds(Snapshot, st.integers(0, 2), histories, st.just(()) | more)


@dataclass
class Content:
    timestamp: int | None


class Decoder:
    """Decodes messages and counts how often."""

    def __init__(self) -> None:
        self.calls: Counter[bytes] = Counter()

    def __call__(self, raw: msgspec.Raw) -> Content:
        self.calls[bytes(raw)] += 1
        return Content(msgspec.json.decode(raw)["at"] or None)


def _history(*raws: bytes) -> bytes:
    return b"[" + b",".join(raws) + b"]"


def _items(snapshot: Snapshot) -> list[bytes]:
    raws = msgspec.json.decode(snapshot.history, type=list[msgspec.Raw])
    return [bytes(raw) for raw in (*raws, *snapshot.more)]


def _fold(known: Known, batch: Sequence[Snapshot]) -> Fold:
    return fold(known, batch, Decoder())


def _last_seen_after(batches: Sequence[Sequence[Snapshot]]) -> tuple[Known, dict[int, Version]]:
    """Take in batches as a stage does, keeping the version of each message's row."""
    known, rows = Known(), {}
    for batch in batches:
        result = _fold(known, batch)
        for left in result.left:
            rows[left] = max(rows[left], result.last_seen[left])
        for message in result.new:
            rows[message.fingerprint] = max(message.version, rows.get(message.fingerprint, message.version))
        known = result.known
    return known, {**rows, **{fingerprint: max(known.version, rows[fingerprint]) for fingerprint in known.messages}}


@given(data=st.data())
@examples(300)
def test_order_and_batches_do_not_matter(data: st.DataObject):
    """Snapshots in any order and any batches end in the same newest snapshot, and the same version of each message."""
    told = data.draw(st.lists(snapshots, min_size=1, max_size=5))
    shuffled = data.draw(st.permutations(told))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(told)))) | {0, len(told)})
    batches = [shuffled[start:end] for start, end in pairwise(cuts)]
    assert _last_seen_after([told]) == _last_seen_after(batches)


@given(told=st.lists(snapshots, min_size=1, max_size=5))
@examples(200)
def test_message_is_as_new_as_the_newest_snapshot_that_holds_it(told: list[Snapshot]):
    """The version of a message is that of the newest of all snapshots with it."""
    result = _fold(Known(), told)
    held = dict(zip(map(id, told), result.versions, strict=True))
    expected = {
        raw: max(held[id(other)] for other in told if raw in _items(other)) for one in told for raw in _items(one)
    }
    assert sorted(expected.values()) == sorted(message.version for message in result.new)


def test_known_messages_are_not_decoded():
    """Of a history that has grown by one message, one message is decoded."""
    messages = [b'{"at":%d}' % number for number in range(1, 101)]
    known = _fold(Known(), [Snapshot(1, _history(*messages[:99]))]).known
    decoder = Decoder()
    result = fold(known, [Snapshot(2, _history(*messages)), Snapshot(3, _history(*messages))], decoder)
    assert decoder.calls == {messages[-1]: 1}
    assert len(result.new) == 1


def test_snapshot_that_is_known_changes_nothing():
    """The same snapshot again decodes nothing and leaves what is known untouched."""
    snapshot = Snapshot(1, _history(b'{"at":1}'))
    known = _fold(Known(), [snapshot]).known
    decoder = Decoder()
    assert fold(known, [snapshot], decoder).known is known
    assert decoder.calls == {}


def test_envelope_is_no_order():
    """A snapshot with a newer message is newer, though its envelope is older by 15 s."""
    older, newer = b'{"at":1000}', b'{"at":2000}'
    result = _fold(Known(), [Snapshot(16_000, _history(older)), Snapshot(1000, _history(older, newer))])
    assert result.known.version[:3] == (2000, 2, 1000)


def test_vanished_message_is_left():
    """A message that the newest snapshot no longer holds is named, with the version it was last seen in."""
    known = _fold(Known(), [Snapshot(1, _history(b'{"at":1}'))]).known
    result = _fold(known, [Snapshot(2, _history(b'{"at":2}'))])
    (left,) = result.left
    assert result.last_seen[left] == known.version


def test_empty_snapshot_of_no_time_is_taken_in():
    """An event that knows nothing at all is newer than none."""
    result = _fold(Known(), [Snapshot(0)])
    assert result.known.version > Known().version
    assert _fold(result.known, [Snapshot(0)]).known is result.known


@given(messages=st.dictionaries(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**62), max_size=20))
@examples(100)
def test_packing(messages: dict[int, int]):
    """What is known is written in 16 bytes a message and read back in the same order."""
    packed = pack(Known(messages=messages))
    assert len(packed) == 16 * len(messages)
    assert unpack(packed) == messages


@given(before=st.lists(snapshots, max_size=3), batch=st.lists(snapshots, min_size=1, max_size=3))
@examples(200)
def test_in_full_every_message_is_new_and_nothing_else_differs(before: list[Snapshot], batch: list[Snapshot]):
    """Read in full, each message is decoded once though it is known, with the version that it has anyway."""
    known = _fold(Known(), before).known
    decoder = Decoder()
    ordinary, full = _fold(known, batch), fold(known, batch, decoder, in_full=True)
    assert decoder.calls == Counter({raw for snapshot in batch for raw in _items(snapshot)})
    assert (full.known, full.versions, full.left) == (ordinary.known, ordinary.versions, ordinary.left)
    assert full.last_seen.items() >= ordinary.last_seen.items()
    assert {one.fingerprint: one.version for one in full.new}.items() >= {
        one.fingerprint: one.version for one in ordinary.new
    }.items()
    assert (full.retold, ordinary.retold) == (frozenset(full.versions), frozenset())
