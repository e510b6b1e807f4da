"""Splitting histories: the same messages, whatever is known of them before."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.strategies import examples
from workers.histories import Beginning, History, beginning_of, count_messages, split

MESSAGES = [b'{"a":1}', b'{"a":12}', b"1", b"12", b'"],["', b"[]", b"null", b'{"b":[1,2]}']
SEPARATORS = [b",", b", ", b" ,", b"\n,\n"]


@st.composite
def histories(draw: st.DrawFn) -> bytes:
    """Make a history, mostly compact as the platform writes it."""
    messages = draw(st.lists(st.sampled_from(MESSAGES), max_size=5))
    separator = draw(st.sampled_from([b","] * 4 + SEPARATORS))
    return b"[" + separator.join(messages) + draw(st.sampled_from([b"]", b"]", b" ]"]))


def _plain(raw: bytes) -> History:
    return split(raw, Beginning(), ())


@given(earlier=histories(), later=histories())
@examples(500)
def test_known_beginning_changes_no_fingerprint(earlier: bytes, later: bytes):
    """A history is split alike, whatever history was known before it."""
    known = split(later, beginning_of(earlier), _plain(earlier).prints)
    assert list(known.prints) == list(_plain(later).prints)


@example(known=b"[]", longer=b"[1   ,2]", shorter=b"[1  ]")
@given(known=histories(), longer=histories(), shorter=histories())
@examples(500)
def test_beginning_of_a_longer_history_is_split_alike(known: bytes, longer: bytes, shorter: bytes):
    """What counts as the beginning of a longer history has the messages it would have alone."""
    long = split(longer, beginning_of(known), _plain(known).prints)
    found = long.beginning(shorter)
    assert found is None or list(found.prints) == list(_plain(shorter).prints)


@pytest.mark.parametrize("known", [0, 1, 3, 5])
def test_grown_history_is_split_at_its_end_alone(known: int):
    """Of a compact history only messages that are not known are looked at; its beginnings are recognised."""
    grown = [_history(count) for count in range(6)]
    history = split(grown[5], beginning_of(grown[known]), _plain(grown[known]).prints)
    assert len(history.fresh) == 5 - known
    recognised = [count for count in range(1, 6) if history.beginning(grown[count])]
    assert recognised == [count for count in range(1, 6) if count >= known]


@pytest.mark.parametrize("raw", [b"null", b'"text"', b"{}", b"7", b"[", b"[1,", b"", b"\xff", b'["\xff"]'])
def test_what_is_no_array_has_no_messages(raw: bytes):
    """Whatever stands where the history is due, it can be split."""
    assert (count_messages(raw), _plain(raw).prints) in [(0, []), (1, _plain(b'["\xff"]').prints)]
    assert _plain(_history(3)).beginning(raw) is None


def _history(count: int) -> bytes:
    return msgspec.json.encode(_numbered(count))


def _numbered(count: int) -> Sequence[dict[str, int]]:
    return [{"number": number} for number in range(count)]
