"""What a message says, and how it was worded before."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.fields import moment
from tests.calls import assistant, having, heard_at, user, without
from tests.strategies import examples
from workers.absorption import Content, Merge
from workers.records import Cell, Version, merged
from workers.transcripts import MessagesTable, read_content, wordings

texts = st.sampled_from(["A", "B", "C"])
versions = st.integers(0, 5).map(lambda number: Version(number, 0, 0, 0))


def _read(message: object) -> Content:
    return read_content(msgspec.Raw(json.dumps(message).encode()))


def _merge(said: list[tuple[str, Version]]) -> Merge:
    cells = [{"text": Cell(text, version)} for text, version in said]
    newest = merged(cells)
    return Merge(("call", "user-1"), newest, newest["text"].version, 0, cells, is_new=False, is_changed=True)


def test_message_is_one_row():
    """A message is a row under its id, with role, text, time and confidence."""
    content = _read(user(1, text="Hi.", confidence=0.5))
    spoken_at = heard_at(1) + 1001
    row = {"role": "user", "text": "Hi.", "spoken_at": moment(spoken_at), "confidence": 0.5}
    assert (content.timestamp, content.rows) == (spoken_at, {("user-1",): row})


@pytest.mark.parametrize("element", [None, "text", 7, [], {}, {"messageId": ""}, {"messageId": {}}])
def test_element_that_says_nothing_is_no_row(element: object):
    """Of an element of the history that is no message there is no row."""
    assert _read(element).rows == {}


def test_message_without_an_id_is_kept():
    """A text without an id is a row, the same one every time."""
    first, again = (_read({"text": "said"}) for _ in range(2))
    assert [values["text"] for values in first.rows.values()] == ["said"]
    assert first.rows == again.rows


def test_message_with_nothing_but_an_id_is_a_row():
    """That something was said is known, though not what."""
    assert set(_read({"messageId": "user-1"}).rows) == {("user-1",)}


@pytest.mark.parametrize("metrics", [None, [], "none", {"stt": None}, {"stt": []}, {"stt": {"confidence": "high"}}])
def test_confidence_of_odd_metrics(metrics: object):
    """Metrics of any shape cost nothing but the confidence."""
    (row,) = _read(having(user(1), "metrics", value=metrics)).rows.values()
    assert (row["text"], row["confidence"]) == ("Hello.", None)


def test_reply_is_told_by_the_id_of_an_assistants_message():
    """An assistant's row names the user's message that it answers; that is derived, and no cell of its own."""
    name = assistant(3)["messageId"]
    columns = MessagesTable().to_columns({"message_id": name, "role": "assistant"})
    assert columns["reply_to"] == "user-3"
    assert "reply_to" not in MessagesTable().to_cells(dict.fromkeys(MessagesTable.column_names))


def test_text_that_flips_back():
    """A wording that came back is the present one, and the one between the earlier one."""
    said = [("A", Version(1, 0, 0, 0)), ("B", Version(2, 0, 0, 0)), ("A", Version(3, 0, 0, 0))]
    assert wordings(_merge(said), {"A": Version(1, 0, 0, 0)}) == [("B", Version(2, 0, 0, 0))]


@given(data=st.data())
@examples(200)
def test_wordings_do_not_depend_on_the_order(data: st.DataObject):
    """In whatever order wordings come, all at once or after some were kept, the earlier ones are listed alike."""
    told = data.draw(st.lists(st.tuples(texts, versions), min_size=1, max_size=5, unique_by=lambda one: one[1]))
    shuffled = data.draw(st.permutations(told))
    cut = data.draw(st.integers(1, len(told)))
    kept = dict(wordings(_merge(shuffled[:cut]), {}))
    present = [(cell.value, cell.version) for cell in _merge(shuffled[:cut]).cells.values()]
    later = wordings(_merge([*present, *shuffled[cut:]]), kept)
    assert wordings(_merge(told), {}) == later


@pytest.mark.parametrize("field", ["role", "text", "timestamp", "metrics"])
def test_field_that_is_missing_is_none(field: str):
    """A poorer copy says less; it does not say that there is nothing."""
    (row,) = _read(without(user(1), field)).rows.values()
    assert sum(value is None for value in row.values()) == 1
