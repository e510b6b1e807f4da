"""In which line of a TOML file each table and each key stands, however it is written. Pure.

The parser of the standard library does not tell. A header, and a key with its value, can each be parsed by itself: so
lines are put together until they can, and the result names the path.
"""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str, ...]


def find_places(text: str) -> dict[Path, int]:
    """Give the number of the line in which each table and key of a valid document begins, the first being 1."""
    places: dict[Path, int] = {}
    table: Path = ()
    for number, is_header, parsed in _statements(text):
        paths = list(_paths(parsed, () if is_header else table))
        for path in paths:
            places.setdefault(path, number)
        table = paths[-1] if is_header else table
    return places


def _statements(text: str) -> Iterator[tuple[int, bool, Mapping[str, Any]]]:
    """Give each statement with the number of its first line, and whether it is the header of a table."""
    begun: list[str] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        begun.append(line)
        try:
            parsed = tomllib.loads("\n".join(begun))
        except tomllib.TOMLDecodeError:
            continue
        if parsed:
            yield number - len(begun) + 1, begun[0].lstrip().startswith("["), parsed
        begun = []


def _paths(parsed: Any, parent: Path) -> Iterator[Path]:
    if not isinstance(parsed, dict):
        return
    for name, value in parsed.items():
        yield (*parent, name)
        yield from _paths(value, (*parent, name))
