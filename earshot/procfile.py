"""The Procfile: which programs there are and how each is started."""

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from earshot.errors import EarshotError

PROJECT_PROCFILE = Path(__file__).resolve().parents[1] / "Procfile"
LINE = re.compile(r"(?P<name>[A-Za-z0-9_-]+)\s*:\s*(?P<command>\S.*)")
# -P: the directory `up` is called in may hold a folder that is named like one of our packages.
OURSELVES = (sys.executable, "-P", "-m", "earshot")

Programs = dict[str, tuple[str, ...]]


def read_procfile(path: Path) -> Programs:
    """Read the programs of a Procfile, in its order, by name. Raises EarshotError when it is missing or wrong."""
    try:
        return parse_procfile(path.read_text(), str(path))
    except OSError as error:
        raise EarshotError(f"Cannot read the Procfile {path}: {error.strerror}. Name one with --procfile.") from error


def parse_procfile(text: str, source: str) -> Programs:
    """Read `name: command` lines; `source` is what error messages call the text."""
    programs: Programs = {}
    for where, line in _meaningful(text, source):
        match = LINE.fullmatch(line)
        if match is None:
            raise EarshotError(f"{where} is not of the form `name: command`: {line}")
        if match["name"] in programs:
            raise EarshotError(f"{where} names {match['name']} a second time.")
        programs[match["name"]] = _split(match["command"], where)
    if not programs:
        raise EarshotError(f"{source} names no program.")
    return programs


def start_command(words: tuple[str, ...]) -> tuple[str, ...]:
    """Turn `earshot ...` into this interpreter's own `earshot`, which need not be on PATH; leave others as they are."""
    return (*OURSELVES, *words[1:]) if words[0] == "earshot" else words


def _meaningful(text: str, source: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield f"{source}, line {number},", line.strip()


def _split(command: str, where: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise EarshotError(f"{where} cannot be split into words ({error}): {command}") from error
