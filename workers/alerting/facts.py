"""What rules ask of a call, read from the tables as they are at the moment."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import DictRow

from shared.alerting.rules import CallRule, EndlessCall, Hang, LowConfidence, NegativeSentiment
from shared.database import Connection
from shared.queries import queries


@dataclass(frozen=True, slots=True)
class Mood:
    """A user's message that was labelled negative."""

    message_id: str
    confidence: float
    score: float | None
    spoken_at: datetime | None


@dataclass(frozen=True, slots=True)
class HangPlace:
    """A silence of the assistant, since it last spoke, in which it hung, told by one event or several.

    `names` tell it apart from others: first the name by which it is raised, then those that it may have been raised by.
    """

    names: Sequence[str]
    message_id: str | None
    hangs: int
    began_at: datetime | None
    lasted_until: datetime | None


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest message of a call."""

    message_id: str
    role: str | None
    spoken_at: datetime
    is_answered: bool


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of a call; `moods`, `hangs` and `heard_since` are there as far as any rule asks for them."""

    call_id: str
    assistant_id: str | None = None
    began_at: datetime | None = None
    heard_since: datetime | None = None
    total_cost: float | None = None
    is_over: bool = False
    is_forwarded: bool = False
    newest: Newest | None = None
    assistant_spoke_at: datetime | None = None
    moods: Sequence[Mood] = ()
    hangs: Sequence[HangPlace] = ()
    mean_confidence: float | None = None
    confidences: int = 0


def read_facts(
    connection: Connection, call_ids: Sequence[str], rules: Iterable[CallRule], now: datetime
) -> list[CallFacts]:
    """Read the facts of calls, no more of them than the rules ask for."""
    asked = list(rules)
    wanted = {"call_ids": list(call_ids), "heard_if_begun_by": _endless_if_begun_by(asked, now)}
    rows = connection.execute(queries("alerts")["read_calls"], wanted).fetchall()
    moods = _read_moods(connection, call_ids, asked)
    hangs = _read_hangs(connection, call_ids, asked)
    confidences = _read_confidences(connection, call_ids, asked)
    return [
        _facts(row, moods[row["call_id"]], hangs[row["call_id"]], confidences.get(row["call_id"], (None, 0)))
        for row in rows
    ]


def _endless_if_begun_by(rules: Iterable[CallRule], now: datetime) -> datetime | None:
    lengths = [rule.longer_than for rule in rules if isinstance(rule, EndlessCall)]
    return now - min(lengths) if lengths else None


def _facts(
    row: DictRow, moods: Sequence[Mood], hangs: Sequence[HangPlace], confidences: tuple[float | None, int]
) -> CallFacts:
    names = ("call_id", "assistant_id", "began_at", "heard_since", "total_cost", "is_over", "is_forwarded")
    mean, number = confidences
    return CallFacts(
        **{name: row[name] for name in names},
        newest=_newest(row),
        assistant_spoke_at=row["assistant_spoke_at"],
        moods=moods,
        hangs=hangs,
        mean_confidence=mean,
        confidences=number,
    )


def _newest(row: DictRow) -> Newest | None:
    if row["message_id"] is None:
        return None
    return Newest(row["message_id"], row["role"], row["spoken_at"], row["is_answered"])


def _read_moods(
    connection: Connection, call_ids: Sequence[str], rules: Iterable[CallRule]
) -> Mapping[str, Sequence[Mood]]:
    thresholds = [rule.confidence_above for rule in rules if isinstance(rule, NegativeSentiment)]
    found: dict[str, list[Mood]] = defaultdict(list)
    if thresholds:
        wanted = {"call_ids": list(call_ids), "confidence_above": min(thresholds)}
        for row in connection.execute(queries("alerts")["read_moods"], wanted):
            found[row.pop("call_id")].append(Mood(**row))
    return found


def _read_hangs(
    connection: Connection, call_ids: Sequence[str], rules: Iterable[CallRule]
) -> Mapping[str, Sequence[HangPlace]]:
    found: dict[str, list[HangPlace]] = defaultdict(list)
    if any(isinstance(rule, Hang) for rule in rules):
        for row in connection.execute(queries("alerts")["read_hangs"], {"call_ids": list(call_ids)}):
            found[row.pop("call_id")].append(HangPlace(**row))
    return found


def _read_confidences(
    connection: Connection, call_ids: Sequence[str], rules: Iterable[CallRule]
) -> dict[str, tuple[float | None, int]]:
    if not any(isinstance(rule, LowConfidence) for rule in rules):
        return {}
    wanted: dict[str, Any] = {"call_ids": list(call_ids)}
    rows = connection.execute(queries("alerts")["read_confidences"], wanted)
    return {row["call_id"]: (row["mean"], row["messages"]) for row in rows}
