"""Cutting files into webhook bodies: one JSON document, or one per line."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from earshot.errors import EarshotError

STANDARD_INPUT = "-"
LINE_SUFFIXES = (".ndjson", ".jsonl")


def read_bodies(names: Iterable[str]) -> Iterator[bytes]:
    """Read the bodies of all files in order; `-` is standard input. Raises EarshotError for one it cannot read."""
    for name in names:
        if name == STANDARD_INPUT:
            yield from split_bodies(sys.stdin.buffer)
        else:
            yield from _read_file(Path(name))


def split_bodies(file: BinaryIO, *, are_lines: bool = False) -> Iterator[bytes]:
    """Give each line when the first is a whole JSON document and another follows, else all as one body, right or wrong.

    The ingest judges a body, not we. Lines are read one by one, so a file may be of any size.
    """
    first = _next_line(file)
    if are_lines or _is_document(first):
        while first:
            yield first.strip()
            first = _next_line(file)
    elif first:
        yield first + file.read()


def _read_file(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from split_bodies(file, are_lines=path.suffix in LINE_SUFFIXES)
    except OSError as error:
        raise EarshotError(f"Cannot read {path}: {error.strerror}.") from error


def _next_line(file: BinaryIO) -> bytes:
    return next((line for line in file if line.strip()), b"")


def _is_document(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
