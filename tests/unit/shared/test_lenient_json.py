"""JSON as senders really write it."""

import pytest

from shared.lenient_json import UnreadableJson, decode, encode, repair


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'{"a": NaN}', {"a": "NaN"}),
        (b'{"a": -Infinity}', {"a": "-Infinity"}),
        (b'{"a": 1e999}', {"a": "1e999"}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'"\\ud800x"', "\ufffdx"),
        (b'{"\\udfff": 1}', {"\ufffd": 1}),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'"caf\xe9"', "caf\ufffd"),
        ('{"a": "é"}'.encode("utf-16"), {"a": "é"}),
    ],
)
def test_odd_json_is_understood(raw: bytes, value: object):
    """What a strict decoder refuses is read, and what no database takes is spelt out or replaced."""
    assert decode(raw) == value


def test_monstrous_integer_is_text():
    """An integer too long for any column comes out as its text."""
    assert decode(b"NaN") == "NaN"
    assert decode(b"1" * 5000) == "1" * 5000


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "malformed_json"),
        (b'{"a": ', "malformed_json"),
        (b"hello", "malformed_json"),
        (b"[" * 100_000 + b"]" * 100_000, "nested_too_deeply"),
        (b"[" * 100_000, "nested_too_deeply"),
    ],
)
def test_what_cannot_be_read_has_a_reason(raw: bytes, reason: str):
    """Bytes that are no JSON, or nest without end, are told apart."""
    with pytest.raises(UnreadableJson, match=reason):
        decode(raw)


def test_repaired_json_is_strict():
    """What only the lenient reading understands is rewritten for every reader."""
    assert repair(b'{"a": NaN, "b": "\\ud800"}') == '{"a":"NaN","b":"\ufffd"}'.encode()


def test_encode_refuses_endless_nesting():
    """A value nested too deeply to be written is refused by the same error as one too deep to be read."""
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(UnreadableJson, match="nested_too_deeply"):
        encode(value)
    while value:
        value = value[0]  # type: ignore[assignment]
