"""Keep alerts by a clock of the test's, and read them: for the tests of alerts."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row
from redis import Redis

from shared.alerting.rule_faults import read_rule
from shared.alerting.rules import Rules
from shared.database import Database
from shared.event_records import StoredEvent
from shared.settings import Settings
from tests.calls import STARTED_AT_MS, conversation_update, user, welcome
from tests.figures import send
from workers.alerting.calls import CALLS_AT_ONCE
from workers.alerting.keeper import AlertsKeeper

BEGINNING = datetime.fromtimestamp(STARTED_AT_MS / 1000, UTC)
ANGRY = "This is terrible, I hate your awful service, you are useless idiots!"
WEBHOOK = {"alert_webhook_url": "https://example.org/hook", "alert_webhook_secret": "whsec_" + "A" * 43 + "="}

Row = dict[str, Any]


def make_rules(**tables: Mapping[str, Any]) -> Rules:
    """Make rules as alerts.toml has them, by their names; the kind is the name unless told."""
    rules = {name: read_rule(name, {"kind": name, **table}) for name, table in tables.items()}
    assert not [rule for rule in rules.values() if isinstance(rule, list)], rules
    return rules  # type: ignore[return-value]


def forget_progress(database: psycopg.Connection) -> None:
    """Have nobody have followed so far: what is stored until the first look is history."""
    database.execute("delete from followers where follower = 'alerts'")


class Desk:
    """Keeps the alerts of a test's database, at a time that the test sets."""

    def __init__(self, url: str, redis: Redis, rules: Rules, settings: Mapping[str, Any] = WEBHOOK) -> None:
        """Follow from now on: what is stored already is history."""
        self.store = Database(url, 20)
        self.session = psycopg.connect(url, autocommit=True, row_factory=dict_row)
        self.now = BEGINNING
        self._redis, self._settings = redis, Settings(**settings)
        self.change_rules(rules)
        self.keeper.look(self.now)

    def change_rules(self, rules: Rules) -> None:
        """Start the keeper anew, as a janitor that has read other rules."""
        self.keeper = AlertsKeeper(self.store, self._redis, self._settings, rules)

    def close(self) -> None:
        """Close the connections."""
        self.store.close()
        self.session.close()

    def send(self, *events: StoredEvent) -> None:
        """Take events through their stages, with receipts, and look at what came of them."""
        send(self.store, *events)
        self.look()

    def look(self, after: timedelta | None = None) -> None:
        """Look at all that is marked or due, once the time has come."""
        self.now += after or timedelta()
        while self.keeper.look(self.now) >= CALLS_AT_ONCE:
            pass

    def sweep(self, after: timedelta | None = None) -> None:
        """Judge windows and the feed, once the time has come."""
        self.now += after or timedelta()
        self.keeper.sweep(self.now)

    def alerts(self) -> list[Row]:
        """Read all alerts in the order in which they were raised."""
        return self.session.execute("select * from alerts order by raised_at, message_id, subject").fetchall()

    def told(self) -> list[tuple[str, bool]]:
        """Say of each alert by which rule it is, and whether it is open."""
        return [(alert["rule"], alert["resolved_at"] is None) for alert in self.alerts()]

    def notices(self) -> list[str]:
        """Say what was to be sent, in the order of delivery."""
        rows = self.session.execute("select what, rule from notices join alerts using (call_id, alert_id) order by 1")
        return [f"{row['rule']} {row['what']}" for row in rows]

    def run(self, statement: str, *values: Any) -> None:
        """Change the database by hand."""
        self.session.execute(statement, values)


def angry_call(turns: int = 5, call_id: str = "angry") -> list[StoredEvent]:
    """Make snapshots of a call in which a user grows angry, one a message and more of it with each."""
    history = [welcome()]
    events = [conversation_update(history, call_id=call_id)]
    for number in range(1, turns + 1):
        history = [*history, user(number, text=ANGRY if number > 1 else "Good day, I have a question.")]
        events.append(conversation_update(history, call_id=call_id))
    return events
