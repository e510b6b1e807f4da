"""What becomes of a field of any shape."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import fields
from tests.strategies import examples

READERS = (
    *(fields.as_text, fields.as_filled_text, fields.as_key, fields.as_number, fields.as_integer, fields.as_boolean),
    *(fields.as_epoch_ms, fields.as_object, fields.as_filled_object, fields.as_list, fields.without_nul),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: "\\ud" not in ascii(value).lower())
MOMENT_MS = 1_772_702_480_281


@given(value=json_values)
@examples(200)
def test_no_value_raises(value: object):
    """Every reader takes every JSON value."""
    for read in READERS:
        read(value)


@pytest.mark.parametrize("read", READERS)
def test_endless_nesting_does_not_raise(read):
    """A value nested almost as deep as the ingest lets in is taken by every reader."""
    value: object = "bottom"
    for _ in range(900):
        value = [value]
    read(value)
    read({"a": value})


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\0b", "a\ufffdb"), (5, "5"), ({"a": [1]}, '{"a":[1]}'), (True, "true"), ("", ""), (None, None)],
)
def test_as_text(value: object, text: str | None):
    """Text stays, without NUL; anything else is spelt out; nothing stays nothing."""
    assert fields.as_text(value) == text


@pytest.mark.parametrize(("value", "text"), [("", None), ("x", "x"), (0, "0"), (None, None)])
def test_as_filled_text(value: object, text: str | None):
    """An empty text says nothing."""
    assert fields.as_filled_text(value) == text


@pytest.mark.parametrize(
    ("value", "key"),
    [("a\nb", "a\nb"), (5, "5"), ("\0", "\ufffd"), ("", None), (True, None), (1.5, None), ([], None), (None, None)],
)
def test_as_key(value: object, key: str | None):
    """An identifier is a filled text or a whole number."""
    assert fields.as_key(value) == key


def test_long_keys_fit_an_index_and_stay_apart():
    """Ids of 10 kB are cut to what two of them may take in an index, and told apart by a digest."""
    first, second = (fields.as_key("😀" * 10_000 + end) for end in "ab")
    assert first is not None
    assert first != second
    assert len(first.encode()) * 2 < 2704


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1),
        (-2.5, -2.5),
        ("12", 12),
        ("1.5", 1.5),
        (" 7 ", 7),
        ("1e3", 1000),
        (True, None),
        ("NaN", None),
        ("1e999", None),
        ("twelve", None),
        (1e19, None),
        (2**63, None),
        (2**63 - 1, 2**63 - 1),
        ([], None),
    ],
)
def test_as_number(value: object, number: float | None):
    """A number, or the text of one, that a column can hold."""
    assert fields.as_number(value) == number


@pytest.mark.parametrize(("value", "number"), [(3, 3), (3.0, 3), ("3", 3), (3.5, None), (False, None), (1e300, None)])
def test_as_integer(value: object, number: int | None):
    """A number without a fraction that a bigint can hold."""
    assert fields.as_integer(value) == number


@pytest.mark.parametrize(("value", "flag"), [(True, True), ("FALSE", False), ("yes", None), (1, None), (None, None)])
def test_as_boolean(value: object, flag: bool | None):
    """True and false, also as text; a number is neither."""
    assert fields.as_boolean(value) is flag


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (MOMENT_MS, MOMENT_MS),
        (str(MOMENT_MS), MOMENT_MS),
        (MOMENT_MS / 1000, MOMENT_MS),
        (MOMENT_MS + 0.4, MOMENT_MS),
        ("2026-03-05T09:21:20.281Z", MOMENT_MS),
        ("2026-03-05T10:21:20.281+01:00", MOMENT_MS),
        ("2026-03-05 09:21:20.281", MOMENT_MS),
        ("9999-12-31T23:59:59-12:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        (1_515_726_000_000_000, None),
        (0, None),
        (-MOMENT_MS, None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_as_epoch_ms(value: object, milliseconds: int | None):
    """A moment comes in milliseconds, seconds, as text or ISO 8601; beyond the year 9999 it is none."""
    assert fields.as_epoch_ms(value) == milliseconds


@given(milliseconds=st.integers(1, fields.LARGEST_EPOCH_MS))
@examples(200)
def test_moment_is_exact(milliseconds: int):
    """A moment that is read can be written as a time, to the millisecond."""
    elapsed = fields.moment(milliseconds) - datetime(1970, 1, 1, tzinfo=UTC)
    assert elapsed.days * 86_400_000 + elapsed.seconds * 1000 + elapsed.microseconds // 1000 == milliseconds


def test_no_moment():
    """No milliseconds are no time."""
    assert fields.moment(None) is None


def test_containers_of_the_wrong_type_are_empty():
    """Where an object or list is due, anything else is an empty one, and says nothing."""
    assert fields.as_object([1]) == {}
    assert fields.as_list({"a": 1}) == []
    assert fields.as_filled_object({}) is None


def test_without_nul_reaches_keys_and_depths():
    """NUL goes wherever it stands in a JSON value."""
    assert fields.without_nul({"a\0": [{"b": "\0c"}, 1]}) == {"a\ufffd": [{"b": "\ufffdc"}, 1]}


def test_what_nests_too_deeply_is_text():
    """Below a hundred levels a value is spelt out, so that nobody who reads it runs out of stack."""
    value: object = 1
    for _ in range(300):
        value = {"a": value}
    for _ in range(fields.DEEPEST_JSON):
        value = fields.without_nul(value)["a"]
    assert isinstance(value, str)
    assert value.startswith('{"a":{"a":')
