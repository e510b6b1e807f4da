"""Rows before and after, told apart by their keys."""

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import examples
from workers.differences import Difference, compare

KEY = ("call_id", "message_id")
rows = st.dictionaries(
    st.integers(0, 5), st.fixed_dictionaries({"text": st.integers(0, 1), "version": st.integers(0, 1)})
)


def _written(found: dict[int, dict[str, int]]) -> list[str]:
    return [json.dumps({"call_id": "call", "message_id": number, **row}) for number, row in found.items()]


def test_each_kind():
    """A new, a changed, a lost and an equal row, and one that differs for the pipeline only."""
    before = {1: {"text": 1, "version": 1}, 2: {"text": 2, "version": 1}, 3: {"text": 3, "version": 1}}
    after = {1: {"text": 1, "version": 2}, 2: {"text": 9, "version": 2}, 4: {"text": 4, "version": 1}}
    found = compare(_written({**before, 5: before[1]}), _written({**after, 5: before[1]}), KEY)
    assert found == Difference(inserted=1, changed=1, internal=1, deleted=1, unchanged=1, columns=Counter(text=1))


@given(before=rows, after=rows)
@examples(200)
def test_every_row_is_counted_once(before: dict[int, dict[str, int]], after: dict[int, dict[str, int]]):
    """All rows after are new, changed, internal or unchanged; all rows before that, or deleted."""
    found = compare(_written(before), _written(after), KEY)
    kept = found.changed + found.internal + found.unchanged
    assert (kept + found.inserted, kept + found.deleted) == (len(after), len(before))
    assert found.columns["text"] == found.changed


def test_sum():
    """The differences of several batches are one."""
    one = Difference(1, 2, 3, 4, 5, Counter(text=2))
    assert one + one == Difference(2, 4, 6, 8, 10, Counter(text=4))
