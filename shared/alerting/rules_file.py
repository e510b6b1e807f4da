"""The file alerts.toml: read once, when a program starts; everything that is wrong in it is told together."""

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from shared.alerting.rule_faults import AnyRule, RuleFault, read_rule, shown, unknown_table
from shared.alerting.rules import Rules
from shared.alerting.toml_places import find_places
from shared.settings import Settings, SettingsError

PROJECT_FILE = Path(__file__).resolve().parents[2] / "alerts.toml"
LARGEST_BYTES = 64 * 1024
MOST_RULES = 200

# What is written behind a `=` and is neither true nor false nor in quotes, such as warning or 15s.
_BARE_TEXT = re.compile(r"=\s*\[?\s*(?!(?:true|false)\b)[\w.+-]*[A-Za-z]")
_AT = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")


class RulesError(SettingsError):
    """The file is missing or wrong; the message tells each fault with its line."""


def load_rules(settings: Settings) -> Rules:
    """Read the rules, by name, those that are switched off too. Raises RulesError."""
    return read_rules(rules_path(settings))


def rules_path(settings: Settings) -> Path:
    """Say which file it is: that of ALERTS_FILE, or else the project's."""
    return settings.alerts_file or PROJECT_FILE


def read_rules(path: Path) -> Rules:
    """Read the rules of a file. Raises RulesError."""
    text = _read_text(path)
    document = _parse(path, text)
    rules, faults = _read_document(document)
    if faults:
        raise _wrong(_located(path, text, faults))
    return MappingProxyType(rules)


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            read = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise _wrong([f"{_short(path)}: cannot be read ({error.strerror}); ALERTS_FILE names the file"]) from error
    if len(read) > LARGEST_BYTES:
        raise _wrong([f"{_short(path)}: is larger than {LARGEST_BYTES // 1024} KiB"])
    try:
        return read.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = read.count(b"\n", 0, error.start) + 1
        raise _wrong([f"{_short(path)}, line {line}: is no text in UTF-8"]) from error


def _parse(path: Path, text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise _wrong([f"{_short(path)}: is nested too deeply"]) from error
    except ValueError as error:
        at = _AT.search(str(error))
        line = int(at["line"]) if at and at["line"] else text.count("\n") + 1
        told = f"{_AT.sub('', str(error))}{_quotes_missed(text, line)}"
        raise _wrong([f"{_short(path)}, line {line}: {told}"]) from error


def _quotes_missed(text: str, line: int) -> str:
    written = text.split("\n")[line - 1]
    return "; texts are written in quotes" if _BARE_TEXT.search(written) else ""


def _read_document(document: Mapping[str, Any]) -> tuple[dict[str, AnyRule], list[RuleFault]]:
    faults = [unknown_table(name) for name in document if name != "rules"]
    tables = document.get("rules", {})
    if not isinstance(tables, dict):
        return {}, [*faults, RuleFault(("rules",), "must hold tables: [rules.NAME]")]
    if len(tables) > MOST_RULES:
        return {}, [*faults, RuleFault(("rules",), f"has more than {MOST_RULES} rules")]
    rules: dict[str, AnyRule] = {}
    for name, table in tables.items():
        read = read_rule(name, table)
        if isinstance(read, list):
            faults += read
        else:
            rules[name] = read
    return rules, faults


def _located(path: Path, text: str, faults: Iterable[RuleFault]) -> Iterator[str]:
    places = find_places(text)
    for line, fault in sorted(((_line(places, fault), fault) for fault in faults), key=lambda found: found[0]):
        yield f"{_short(path)}, line {line}: {'.'.join(map(shown, fault.path))}: {fault.reason}"


def _line(places: Mapping[tuple[str, ...], int], fault: RuleFault) -> int:
    """Find the line of a key, or else that of the next table around it."""
    lengths = range(len(fault.path), 0, -1)
    return next((places[fault.path[:length]] for length in lengths if fault.path[:length] in places), 1)


def _wrong(faults: Iterable[str]) -> RulesError:
    return RulesError("\n".join(["The rules of alerts need attention:", *(f"  {fault}" for fault in faults)]))


def _short(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
