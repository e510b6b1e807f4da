"""Write down what is to change about alerts, with the notices that tell of it."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.types.json import Jsonb

from shared.alerting.notices import make_notices, make_resolved_notices
from shared.database import Connection
from shared.logs import log
from shared.queries import queries
from workers.alerting.findings import AnyRule
from workers.alerting.reconciling import Change, Clear, Raise, Resolve


@dataclass(frozen=True, slots=True)
class Done:
    """What was raised, resolved or unsilenced; to be told once it is committed."""

    what: Literal["raised", "resolved", "unsilenced"]
    call_id: str
    alert_id: str
    rule: str
    severity: str = ""
    is_silenced: bool = False

    def tell(self) -> None:
        """Write the line of log."""
        named = {"rule": self.rule, "call_id": self.call_id, "alert_id": self.alert_id}
        match self.what:
            case "raised":
                log(logging.INFO, "alert.raised", **named, severity=self.severity, silenced=self.is_silenced)
            case "resolved":
                log(logging.INFO, "alert.resolved", **named)
            case "unsilenced":
                log(logging.INFO, "alert.unsilenced", **named)


class AlertStore:
    """Writes alerts; `channels` are those in use."""

    def __init__(self, channels: Sequence[str]) -> None:
        self._channels = channels

    def save(self, connection: Connection, changes: Iterable[Change], now: datetime) -> list[Done]:
        """Write changes in their order; returns what came of them, without what somebody else had done before."""
        silences = _Silences(connection, now)
        done = (self._save_one(connection, change, silences, now) for change in changes)
        return [one for one in done if one]

    def end_silencing(
        self, connection: Connection, rules: Mapping[str, AnyRule], most: int, now: datetime
    ) -> list[Done]:
        """Send what no silence holds back any more."""
        rows = connection.execute(queries("alerts")["end_silencing"], {"now": now, "most": most}).fetchall()
        rows.sort(key=lambda row: (row["raised_at"], row["alert_id"]))
        for row in rows:
            self._make_notices(connection, (row["call_id"], row["alert_id"]), rules.get(row["rule"]))
        return [Done("unsilenced", row["call_id"], row["alert_id"], row["rule"]) for row in rows]

    def _save_one(self, connection: Connection, change: Change, silences: "_Silences", now: datetime) -> Done | None:
        match change:
            case Raise():
                return self._raise(connection, change, silences, now)
            case Resolve():
                return self._resolve(connection, change, now)
            case Clear():
                _clear(connection, change)
                return None

    def _raise(self, connection: Connection, change: Raise, silences: "_Silences", now: datetime) -> Done | None:
        finding = change.finding
        rule = finding.rule
        is_silenced = silences.hold_back(rule.name, finding.call_id)
        row = {**_row(change, now), "is_silenced": is_silenced}
        if connection.execute(queries("alerts")["raise"], row).fetchone() is None:
            return None
        if not is_silenced:
            self._make_notices(connection, (finding.call_id, change.alert_id), rule)
        return Done("raised", finding.call_id, change.alert_id, rule.name, rule.severity, is_silenced)

    def _resolve(self, connection: Connection, change: Resolve, now: datetime) -> Done | None:
        alert = change.alert
        named = {"call_id": alert.call_id, "alert_id": alert.alert_id}
        if connection.execute(queries("alerts")["resolve"], {**named, "now": now}).fetchone() is None:
            return None
        if change.is_told:
            make_resolved_notices(connection, (alert.call_id, alert.alert_id), self._channels)
        return Done("resolved", alert.call_id, alert.alert_id, alert.rule)

    def _make_notices(self, connection: Connection, alert: tuple[str, str], rule: AnyRule | None) -> None:
        wanted = None if rule is None else rule.channels
        channels = [channel for channel in self._channels if wanted is None or channel in wanted]
        if rule is not None and channels:
            make_notices(connection, alert, "raised", channels)


def _row(change: Raise, now: datetime) -> dict[str, Any]:
    finding = change.finding
    return {
        "alert_id": change.alert_id,
        "call_id": finding.call_id,
        "message_id": finding.message_id,
        "rule": finding.rule.name,
        "now": now,
        "detail": Jsonb({"kind": finding.rule.kind, **finding.detail}),
        "subject": finding.subject,
        "severity": finding.rule.severity,
        "began_at": finding.began_at,
        "resolved_at": None if finding.holds else now,
    }


def _clear(connection: Connection, change: Clear) -> None:
    alert = change.alert
    row = {"call_id": alert.call_id, "alert_id": alert.alert_id, "clear_since": change.since}
    connection.execute(queries("alerts")["clear"], row)


class _Silences:
    """The silences that hold, read when first asked for."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection, self._now = connection, now
        self._held: set[tuple[str, str]] | None = None

    def hold_back(self, rule: str, call_id: str) -> bool:
        """Tell whether nobody wants to hear of a rule in a call."""
        if self._held is None:
            rows = self._connection.execute(queries("alerts")["read_silences"], {"now": self._now})
            self._held = {(row["rule"], row["call_id"]) for row in rows}
        return any((named, call) in self._held for named in ("", rule) for call in ("", call_id))
