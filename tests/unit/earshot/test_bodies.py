"""Cutting files into bodies."""

import io
from pathlib import Path

import pytest

from earshot.bodies import read_bodies, split_bodies
from earshot.errors import EarshotError


@pytest.mark.parametrize(
    ("content", "bodies"),
    [
        (b'{"a": 1}', [b'{"a": 1}']),
        (b'{\n  "a": 1\n}\n', [b'{\n  "a": 1\n}\n']),
        (b'{"a": 1}\n\n{"b": 2}\r\n', [b'{"a": 1}', b'{"b": 2}']),
        (b'{"a": 1}\nbroken\n', [b'{"a": 1}', b"broken"]),
        (b"broken\n{}\n", [b"broken\n{}\n"]),
        (b"\n \n", []),
        (b"", []),
    ],
)
def test_one_document_or_one_per_line(content: bytes, bodies: list[bytes]) -> None:
    """Lines are bodies when the first is a whole document; anything else is one body, for the ingest to judge."""
    assert bodies == list(split_bodies(io.BytesIO(content)))


def test_a_name_can_say_that_lines_are_bodies(tmp_path: Path) -> None:
    """In a .ndjson file even a broken first line is a body of its own."""
    (tmp_path / "a.ndjson").write_bytes(b"broken\n{}\n")
    (tmp_path / "b.json").write_bytes(b"{}")
    assert list(read_bodies([str(tmp_path / "a.ndjson"), str(tmp_path / "b.json")])) == [b"broken", b"{}", b"{}"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path and the reason are told."""
    with pytest.raises(EarshotError, match=r"none\.json: No such file or directory"):
        list(read_bodies([str(tmp_path / "none.json")]))
