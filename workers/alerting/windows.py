"""Judge windows: what a rule finds in all calls of the last minutes or hours, by the times that events tell."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from psycopg.rows import DictRow

from shared.alerting.rules import ErrorRate, HangRate, InterruptionRate, TurnLatency, WindowRule
from shared.database import Connection
from shared.queries import queries
from workers.alerting.findings import LONGEST_SUBJECT, Detail, Finding

# A call is looked at for so long after its beginning; and no more than so many of them in one window.
LONGEST_CALL = timedelta(hours=6)
MOST_CALLS = 20_000
MOST_SUBJECTS = 50


@dataclass(frozen=True, slots=True)
class Measure:
    """What a window comes to: `value` beside the rule's threshold, if `number` is enough to go by."""

    value: float
    number: int
    detail: Detail
    subject: str = ""


def judge_window(connection: Connection, rule: WindowRule, as_of: datetime) -> list[Finding]:
    """Find what a rule says of its window, which ends at the time up to which what was received is stored."""
    return find_exceeded(rule, _MEASURES[type(rule)](_Window.of(connection, rule, as_of)), as_of)


def find_exceeded(rule: WindowRule, measures: Iterator[Measure], as_of: datetime) -> list[Finding]:
    """Find the measures that are above the rule's threshold. Pure."""
    threshold, minimum = _LIMITS[type(rule)](rule)
    seconds = rule.window.total_seconds()
    return [
        Finding(rule, as_of, {**measure.detail, "window_seconds": seconds}, subject=measure.subject)
        for measure in measures
        if measure.number >= minimum and measure.value > threshold
    ]


_LIMITS: Mapping[type[WindowRule], Callable[[Any], tuple[float, int]]] = MappingProxyType(
    {
        HangRate: lambda rule: (rule.rate_above, rule.minimum_calls),
        ErrorRate: lambda rule: (rule.rate_above, rule.minimum_errors),
        TurnLatency: lambda rule: (rule.above_ms, rule.minimum_turns),
        InterruptionRate: lambda rule: (rule.rate_above, rule.minimum_replies),
    }
)


@dataclass(frozen=True, slots=True)
class _Window:
    """A window of a rule, and the calls that were active in it."""

    connection: Connection
    rule: Any
    values: Mapping[str, Any]

    @classmethod
    def of(cls, connection: Connection, rule: WindowRule, until: datetime) -> "_Window":
        """Find the calls first; all other statements go by them."""
        since = until - rule.window
        wanted = {
            "since": since,
            "until": until,
            "began_after": since - LONGEST_CALL,
            "assistants": list(rule.assistants),
            "most": MOST_CALLS,
        }
        rows = connection.execute(queries("alert_windows")["find_active_calls"], wanted)
        return cls(connection, rule, {"since": since, "until": until, "call_ids": [row["call_id"] for row in rows]})

    @property
    def calls(self) -> int:
        return len(self.values["call_ids"])

    def read(self, name: str, **more: Any) -> list[DictRow]:
        return self.connection.execute(queries("alert_windows")[name], {**self.values, **more}).fetchall()


def _hang_rate(window: _Window) -> Iterator[Measure]:
    if window.calls < window.rule.minimum_calls:
        return
    hangs = window.read("count_hung_calls")[0]["hangs"]
    rate = hangs / window.calls
    detail = {"rate": rate, "calls": window.calls, "hangs": hangs, "threshold": window.rule.rate_above}
    yield Measure(rate, window.calls, detail)


def _error_rate(window: _Window) -> Iterator[Measure]:
    rule = window.rule
    named = {"longest": LONGEST_SUBJECT, "most_subjects": MOST_SUBJECTS, "minimum": rule.minimum_errors}
    rows = window.read("count_errors", error_type=rule.error_type, **named)
    if not rows:
        return
    turns = window.read("count_messages")[0]["turns"]
    for row in rows:
        rate = row["errors"] / (turns + row["errors"])
        detail = {"rate": rate, "errors": row["errors"], "turns": turns, "threshold": rule.rate_above}
        yield Measure(rate, row["errors"], {**detail, "error_type": rule.error_type}, row["subject"])


def _turn_latency(window: _Window) -> Iterator[Measure]:
    rule = window.rule
    named = {"longest": LONGEST_SUBJECT, "most_subjects": MOST_SUBJECTS, "minimum": rule.minimum_turns}
    by_assistant = rule.by == "assistant"
    name, more = ("measure_latency_by_assistant", named) if by_assistant else ("measure_latency", {})
    for row in window.read(name, percentile=rule.percentile, **more):
        detail = {"latency_ms": row["latency_ms"], "percentile": rule.percentile, "turns": row["turns"]}
        detail["threshold_ms"] = rule.above_ms
        yield Measure(row["latency_ms"] or 0.0, row["turns"], detail, row["subject"])


def _interruption_rate(window: _Window) -> Iterator[Measure]:
    replies = window.read("count_messages")[0]["replies"]
    if replies < window.rule.minimum_replies:
        return
    interruptions = window.read("count_interruptions")[0]["interruptions"]
    rate = interruptions / replies
    detail = {"rate": rate, "interruptions": interruptions, "replies": replies, "threshold": window.rule.rate_above}
    yield Measure(rate, replies, detail)


_MEASURES: Mapping[type[WindowRule], Callable[[_Window], Iterator[Measure]]] = MappingProxyType(
    {
        HangRate: _hang_rate,
        ErrorRate: _error_rate,
        TurnLatency: _turn_latency,
        InterruptionRate: _interruption_rate,
    }
)
