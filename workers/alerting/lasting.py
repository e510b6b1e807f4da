"""Examine what is about no call: windows, and the feed; their alerts last until the condition is over for a while."""

import logging
from collections.abc import Iterator, Mapping, Sequence

from shared.alerting.rules import FeedSilence
from shared.database import Connection
from shared.logs import log
from shared.queries import queries
from workers.alerting.calls import FAULTS
from workers.alerting.feed import Feed
from workers.alerting.findings import Finding
from workers.alerting.judging import Clocks
from workers.alerting.reconciling import KnownAlert, LastingRule, reconcile_windows
from workers.alerting.storing import AlertStore, Done
from workers.alerting.windows import judge_window


class LastingExaminer:
    """Examines windows and the feed by some rules, in a transaction of the caller's."""

    def __init__(self, rules: Sequence[LastingRule], store: AlertStore) -> None:
        self._rules: Mapping[str, LastingRule] = {rule.name: rule for rule in rules}
        self._store = store
        self._feed = Feed()

    def examine(self, connection: Connection, clocks: Clocks) -> list[Done]:
        """Judge by each rule; where that cannot be done at the moment its alerts stay as they are."""
        opened = _read_open(connection)
        judged = dict(self._judge_all(connection, clocks, opened))
        findings = [finding for found in judged.values() for finding in found]
        touched = [alert for alert in opened if alert.rule in judged or alert.rule not in self._rules]
        # How long a condition has been over is told by what is stored, as the condition is.
        changes = reconcile_windows(findings, touched, self._rules, clocks.as_of or clocks.now)
        return self._store.save(connection, changes, clocks.now)

    def _judge_all(
        self, connection: Connection, clocks: Clocks, opened: Sequence[KnownAlert]
    ) -> Iterator[tuple[str, list[Finding]]]:
        for rule in self._rules.values():
            is_open = any(alert.rule == rule.name for alert in opened)
            found = self._try_rule(connection, rule, clocks, is_open=is_open)
            if found is not None:
                yield rule.name, found

    def _try_rule(
        self, connection: Connection, rule: LastingRule, clocks: Clocks, *, is_open: bool
    ) -> list[Finding] | None:
        """Judge by one rule; None where that cannot be done."""
        try:
            with connection.transaction():
                return self._judge(connection, rule, clocks, is_open=is_open)
        except FAULTS as error:
            log(logging.ERROR, "alerts.skipped", kind="rule", key=rule.name, reason=type(error).__name__)
            return None

    def _judge(
        self, connection: Connection, rule: LastingRule, clocks: Clocks, *, is_open: bool
    ) -> list[Finding] | None:
        if clocks.as_of is None:
            return None
        if not isinstance(rule, FeedSilence):
            return judge_window(connection, rule, clocks.as_of)
        return self._feed.judge(connection, rule, clocks.as_of, is_open=is_open)


def _read_open(connection: Connection) -> list[KnownAlert]:
    return [KnownAlert(**row) for row in connection.execute(queries("alerts")["read_open_alerts"])]
