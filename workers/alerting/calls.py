"""Examine calls: read what is known of them, judge it, and write down what is to change about their alerts."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import psycopg
from psycopg import errors

from shared.alerting.rules import CallRule, DeadAir, EndlessCall
from shared.database import Connection
from shared.logs import log
from shared.queries import queries
from workers.alerting.facts import read_facts
from workers.alerting.judging import Clocks, beginnings_of, judge, silences_of
from workers.alerting.reconciling import Judged, KnownAlert, reconcile_calls
from workers.alerting.storing import AlertStore, Done

CALLS_AT_ONCE = 200
SKIPPED_FOR = timedelta(minutes=10)
# A silent call began within so long, or is not looked for: the ends of many were never told.
LONGEST_CALL = timedelta(days=1)

# What the contents of a call, or of a window, may be to blame for: PostgreSQL's refusals, and faults of ours that only
# some contents show.
FAULTS = (
    *(psycopg.DataError, psycopg.IntegrityError, psycopg.InternalError),
    *(errors.ProgramLimitExceeded, errors.QueryCanceled),
    *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError),
)


class CallExaminer:
    """Examines calls by some rules. All methods run in a transaction of the caller's."""

    def __init__(self, rules: Sequence[CallRule], store: AlertStore) -> None:
        self._rules: Mapping[str, CallRule] = {rule.name: rule for rule in rules}
        self._store = store
        self._skipped_at: dict[str, datetime] = {}

    def examine(self, connection: Connection, call_ids: Sequence[str], clocks: Clocks) -> list[Done]:
        """Examine calls at once, or where that fails each alone, so that only the culprit is left out."""
        if not call_ids:
            return []
        try:
            with connection.transaction():
                return self._examine(connection, call_ids, clocks)
        except FAULTS:
            return [done for call_id in call_ids for done in self._try_alone(connection, call_id, clocks)]

    def find_due(self, connection: Connection, clocks: Clocks) -> list[str]:
        """Find calls that are to be examined because time has passed: some of those that are silent, or do not end."""
        if clocks.as_of is None:
            return []
        passed_over = self._passed_over(clocks.now)
        found = (self._find(connection, rule, clocks.as_of, passed_over) for rule in self._rules.values())
        return sorted({call_id for call_ids in found for call_id in call_ids})

    def _find(self, connection: Connection, rule: CallRule, as_of: datetime, passed_over: Sequence[str]) -> list[str]:
        match rule:
            case DeadAir():
                name, asked = "find_silent_calls", _silent_calls(rule, as_of)
            case EndlessCall():
                name, asked = "find_endless_calls", _endless_calls(rule, as_of)
            case _:
                return []
        named = {"rule": rule.name, "assistants": list(rule.assistants), "passed_over": passed_over}
        rows = connection.execute(queries("alerts")[name], {**asked, **named, "most": CALLS_AT_ONCE})
        return [row["call_id"] for row in rows]

    def _examine(self, connection: Connection, call_ids: Sequence[str], clocks: Clocks) -> list[Done]:
        rules = self._rules.values()
        facts = read_facts(connection, call_ids, rules, clocks.now)
        rows = connection.execute(queries("alerts")["read_alerts"], {"call_ids": list(call_ids)})
        known = [KnownAlert(**row) for row in rows]
        findings = [finding for call in facts for finding in judge(rules, call, clocks)]
        judged = Judged(findings, self._rules, {call.call_id for call in facts if call.is_over})
        changes = reconcile_calls(judged, known, clocks.now)
        return self._store.save(connection, changes, clocks.now)

    def _try_alone(self, connection: Connection, call_id: str, clocks: Clocks) -> list[Done]:
        try:
            with connection.transaction():
                return self._examine(connection, [call_id], clocks)
        except FAULTS as error:
            self._skipped_at[call_id] = clocks.now
            log(logging.ERROR, "alerts.skipped", kind="call", key=call_id, reason=type(error).__name__)
            return []

    def _passed_over(self, now: datetime) -> list[str]:
        """Say which calls could not be judged a short time ago; they are not tried with every look at the clock."""
        recent = {call_id: at for call_id, at in self._skipped_at.items() if abs(now - at) < SKIPPED_FOR}
        self._skipped_at = recent
        return list(recent)


def _silent_calls(rule: DeadAir, as_of: datetime) -> dict[str, datetime]:
    said = silences_of(rule, as_of)
    return {"began_after": said.after - LONGEST_CALL, "said_after": said.after, "said_until": said.until}


def _endless_calls(rule: EndlessCall, as_of: datetime) -> dict[str, datetime]:
    began = beginnings_of(rule, as_of)
    return {"began_after": began.after, "began_until": began.until}
