"""One log of all programs on the terminal: each line under the name of who wrote it."""

import os
from collections.abc import Iterable, Mapping
from itertools import cycle
from typing import TextIO

OURSELVES = "earshot"
COLOURS = ("36", "33", "32", "35", "34", "96", "93", "92", "95", "94")
BOLD = "1"
LONGEST_LINE = 64 * 1024


class ProcessLog:
    """Writes `name | line`; `is_broken` once nobody can read it any more."""

    def __init__(self, names: Iterable[str], output: TextIO, *, colour: bool) -> None:
        known = list(names)
        self._output = output
        self._colours = dict(zip(known, cycle(COLOURS), strict=False)) if colour else {}
        self._ours = BOLD if colour else None
        self.has_colour = colour
        self._width = max(map(len, (OURSELVES, *known)))
        self.is_broken = False

    def line(self, name: str, text: str) -> None:
        """Write one line of a program."""
        self.text(_painted(f"{name:<{self._width}} |", self._colours.get(name)) + f" {text}\n")

    def say(self, text: str) -> None:
        """Write a line of our own, or several."""
        for line in text.splitlines():
            self.text(_painted(f"{OURSELVES:<{self._width}} | {line}", self._ours) + "\n")

    def text(self, text: str) -> None:
        """Write text as it is. When the reader has gone, that is noted and the rest goes nowhere."""
        if self.is_broken:
            return
        try:
            self._output.write(text)
            self._output.flush()
        except OSError:
            self.is_broken = True
            _write_nowhere(self._output)


class Lines:
    """Cuts what is read from one process into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        """Take in what was read and give the lines that are complete; one without an end is cut at 64 KiB."""
        *complete, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            complete.append(self._rest)
            self._rest = b""
        return [_decoded(line) for line in complete]

    def finish(self) -> list[str]:
        """Give the last line when it lacks its end."""
        rest, self._rest = self._rest, b""
        return [_decoded(rest)] if rest else []


def wants_colour(output: TextIO, environment: Mapping[str, str]) -> bool:
    """Colour is for a terminal, unless NO_COLOR says otherwise."""
    return output.isatty() and not environment.get("NO_COLOR")


def _painted(text: str, colour: str | None) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if colour else text


def _decoded(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")


def _write_nowhere(output: TextIO) -> None:
    # Python flushes standard output once more at its end and would complain there.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, output.fileno())
    os.close(nowhere)
