"""What is wrong with a rule, in words for who wrote it. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, get_args

from pydantic import ValidationError

from shared.alerting.rules import CallRule, FeedSilence, WindowRule

AnyRule = CallRule | WindowRule | FeedSilence
KINDS: Mapping[str, type[AnyRule]] = MappingProxyType(
    {get_args(rule.model_fields["kind"].annotation)[0]: rule for rule in get_args(AnyRule)}
)

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
RESERVED_NAME = "test"

_BARE = re.compile(r"[A-Za-z0-9_-]{1,60}", re.ASCII)
_ARGUMENT = re.compile(r"(\w+)=(\d+)", re.ASCII)
_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}


@dataclass(frozen=True, slots=True)
class RuleFault:
    """What is wrong, and where: the path of keys from the top of the file."""

    path: tuple[str, ...]
    reason: str


def read_rule(name: str, table: object) -> AnyRule | list[RuleFault]:
    """Make a rule of its table in the file; or tell everything that is wrong with it."""
    faults = list(_name_faults(name))
    if not isinstance(table, dict):
        return [*faults, RuleFault(("rules", name), f"must be a table: [rules.{shown(name)}]")]
    kind = table.get("kind", name if name in KINDS else None)
    if kind_reason := _wrong_kind(name, kind):
        path = ("rules", name, "kind") if "kind" in table else ("rules", name)
        return [*faults, RuleFault(path, kind_reason)]
    rule = KINDS[str(kind)]
    known = rule.model_fields.keys() - {"name"}
    faults += [RuleFault(("rules", name, key), _unknown("key", key, known)) for key in table if key not in known]
    try:
        made = rule.model_validate({**{key: table[key] for key in table if key in known}, "name": name, "kind": kind})
    except ValidationError as error:
        return [*faults, *_value_faults(name, error)]
    return faults or made


def unknown_table(name: str) -> RuleFault:
    """Tell of something at the top of the file that is not `rules`."""
    return RuleFault((name,), _unknown("table", name, ("rules",)))


def shown(name: str) -> str:
    """Write a key as it may stand in a message: what is not plain is quoted and escaped."""
    return name if _BARE.fullmatch(name) else ascii(name[:60])


def write_span(span: timedelta) -> str:
    """Write a length of time as it is written in the file."""
    seconds = int(span.total_seconds())
    unit, size = next((unit, size) for unit, size in _SECONDS.items() if seconds % size == 0)
    return f"{seconds // size}{unit}"


def _name_faults(name: str) -> Iterator[RuleFault]:
    if not NAME.fullmatch(name):
        reason = "a name begins with a letter and has small letters, digits and underscores, 60 at most"
        yield RuleFault(("rules", name), reason)
    if name == RESERVED_NAME:
        yield RuleFault(("rules", name), "the name is that of the alerts of `earshot alerts test`; take another")


def _wrong_kind(name: str, kind: object) -> str:
    if kind is None:
        return f"kind is not set; there are {', '.join(KINDS)}{_meant(name, KINDS)}"
    if not isinstance(kind, str) or kind not in KINDS:
        return _unknown("kind", str(kind), KINDS)
    if name in KINDS and kind != name:
        return f"must be {name}, as the rule bears that name; name it otherwise"
    return ""


def _unknown(what: str, word: str, known: Iterable[str]) -> str:
    return f"unknown {what}{_meant(word, known)}; there {_listed(known)}"


def _meant(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _listed(known: Iterable[str]) -> str:
    names = sorted(known)
    return f"{'is' if len(names) == 1 else 'are'} {', '.join(names)}"


def _value_faults(name: str, error: ValidationError) -> Iterator[RuleFault]:
    for fault in error.errors(include_url=False, include_input=False):
        keys = (str(key) for key in fault["loc"] if isinstance(key, str))
        numbers = (f"number {index + 1}: " for index in fault["loc"] if isinstance(index, int))
        yield RuleFault(("rules", name, *keys), "".join((*numbers, _reason(fault))))


def _reason(fault: Any) -> str:
    limits = fault.get("ctx", {})
    written = _WRITERS.get(fault["type"])
    if written is None:
        return str(fault["msg"]).removeprefix("Value error, ")
    return written(limits)


def _limit(value: Any) -> str:
    if not isinstance(value, str):
        return f"{value:g}"
    # Of a length of time pydantic gives what would make it in Python.
    return write_span(timedelta(**{unit: int(number) for unit, number in _ARGUMENT.findall(value)}))


_WRITERS: Mapping[str, Callable[[Mapping[str, Any]], str]] = MappingProxyType(
    {
        "less_than_equal": lambda limits: f"must be at most {_limit(limits['le'])}",
        "greater_than_equal": lambda limits: f"must be at least {_limit(limits['ge'])}",
        "less_than": lambda limits: f"must be less than {_limit(limits['lt'])}",
        "greater_than": lambda limits: f"must be more than {_limit(limits['gt'])}",
        "finite_number": lambda _: "must be a finite number",
        "float_type": lambda _: "must be a number",
        "int_type": lambda _: "must be a whole number",
        "int_from_float": lambda _: "must be a whole number",
        "bool_type": lambda _: "must be true or false",
        "string_type": lambda _: "must be a text in quotes",
        "string_too_short": lambda _: "must not be empty",
        "string_too_long": lambda limits: f"must have at most {limits['max_length']} characters",
        "tuple_type": lambda _: "must be a list in brackets",
        "literal_error": lambda limits: f"must be {limits['expected']}",
    }
)
