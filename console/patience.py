"""Reads that are given up when a server does not answer: one that is frozen keeps its connections, and says nothing."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

# Somebody is looking at an empty page meanwhile.
PATIENCE_SECONDS = 3.0

Found = TypeVar("Found")


class TookTooLong(Exception):
    """Nothing came in time. The read itself goes on, and ends when its server answers or its connection breaks."""


@dataclass(slots=True)
class _Answer(Generic[Found]):
    found: Found | None = None
    fault: Exception | None = None


def read_in_time(read: Callable[[], Found], seconds: float) -> Found:
    """Wait for a read no longer than so. Raises TookTooLong, and what the read raises."""
    answer: _Answer[Found] = _Answer()
    reader = threading.Thread(target=_fill, args=(answer, read), daemon=True)
    reader.start()
    reader.join(seconds)
    if reader.is_alive():
        raise TookTooLong
    if answer.fault is not None:
        raise answer.fault
    return cast("Found", answer.found)


def _fill(answer: "_Answer[Found]", read: Callable[[], Found]) -> None:
    try:
        answer.found = read()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again for whoever waits
        answer.fault = error
