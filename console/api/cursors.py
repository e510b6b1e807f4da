"""Cursors: the place of a row in its listing, written as a text that a program sends back for the next page. Pure.

Every text of a listing's pattern is a place of it, so that the documented pattern is the whole truth.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from shared.stages import QUEUES

Place = tuple[Any, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class Part:
    """One column of a place: what it looks like in a cursor, and both ways between."""

    pattern: str
    write: Callable[[Any], str]
    read: Callable[[str], Any]


class BadCursor(ValueError):
    """The text names no place of the listing."""


class Cursor:
    """How places of one listing are written; a text of unknown characters may only be the last part."""

    def __init__(self, *parts: Part) -> None:
        self.pattern = f"^{'[.]'.join(part.pattern for part in parts)}$"
        self._parts: Sequence[Part] = parts
        self._form = re.compile("[.]".join(f"({part.pattern})" for part in parts))

    def write(self, place: Place) -> str:
        """Write a place down."""
        return ".".join(part.write(value) for part, value in zip(self._parts, place, strict=True))

    def read(self, text: str) -> Place:
        """Read what `write` wrote. Raises BadCursor for anything else."""
        found = self._form.fullmatch(text)
        if found is None:
            raise BadCursor
        return tuple(part.read(value) for part, value in zip(self._parts, found.groups(), strict=True))


def _write_moment(moment: datetime) -> str:
    return str((moment - _EPOCH) // _MICROSECOND)


def _read_moment(text: str) -> datetime:
    return _EPOCH + max(_FIRST, min(int(text), _LAST)) * _MICROSECOND


def _write_moment_if_any(moment: datetime | None) -> str:
    return "" if moment is None else _write_moment(moment)


def _read_moment_if_any(text: str) -> datetime | None:
    return _read_moment(text) if text else None


# Microseconds since 1970, or before it; what is beyond the calendar stands for its end.
MOMENT = Part("-?[0-9]{1,18}", _write_moment, _read_moment)
MOMENT_IF_ANY = Part("(?:-?[0-9]{1,18})?", _write_moment_if_any, _read_moment_if_any)
# Whole numbers that fit into PostgreSQL's integer, and into its bigint.
INTEGER = Part("-?[0-9]{1,9}", str, int)
BIGINT = Part("[0-9]{1,18}", str, int)
# A score of RQ's, to the microsecond: its neighbours are further away.
SCORE = Part("-?[0-9]{1,17}", lambda score: str(round(Fraction(score) * 10**6)), lambda text: int(text) / 10**6)
STAGE = Part(f"(?:{'|'.join(QUEUES)})", str, str)
TEXT = Part(r"[^\x00]{1,3000}", str, str)
