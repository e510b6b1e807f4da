"""Alerts with notices for tests, as the janitor makes and publishes them, and what became of them."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from redis import Redis

from shared.alerting.notices import Notice, notice_event, publish_notices
from shared.database import Database
from shared.publisher import Publisher
from shared.settings import Settings

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
CONSOLE = "https://console.example"
# Spoken to by tests alone.
LOOPBACK = {"ALERT_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128", "CONSOLE_URL": CONSOLE}


class Desk:
    """Raises alerts and publishes their notices."""

    def __init__(self, database: psycopg.Connection, store: Database, redis: Redis, **settings: Any) -> None:
        """`settings` are those by which jobs are published."""
        self._database = database
        self._store = store
        self._redis = redis
        self._settings = Settings(**settings)

    def raise_alert(self, number: int, *whats: str, channel: str = "webhook", **columns: Any) -> list[int]:
        """Make an alert with notices, `raised` unless others are named; names the notices."""
        alert = {"call_id": f"WC-{number}", "alert_id": f"{number:032x}", "rule": "hang", "severity": "warning"}
        alert |= {"message_id": "user-1", "detail": Jsonb({"kind": "hang", "hangs": 1}), **columns}
        names = ", ".join(alert)
        values = ", ".join(f"%({name})s" for name in alert)
        self._database.execute(
            f"insert into alerts ({names}, raised_at, began_at) values ({values}, now(), now())", alert
        )
        return [self.add_notice(alert, what, channel) for what in whats or ("raised",)]

    def add_notice(self, alert: Mapping[str, Any], what: str, channel: str) -> int:
        """Make a notice of an alert."""
        (notice_id,) = self._database.execute(
            "insert into notices (call_id, alert_id, channel, what) values (%s, %s, %s, %s) returning notice_id",
            (alert["call_id"], alert["alert_id"], channel, what),
        ).fetchone()
        return notice_id

    def publish(self) -> int:
        """Put what is not in a queue there."""
        return publish_notices(self._store, Publisher(self._redis, self._settings))

    def send(self, number: int, *whats: str, **columns: Any) -> list[int]:
        """Raise an alert and publish its notices."""
        notice_ids = self.raise_alert(number, *whats, **columns)
        self.publish()
        return notice_ids

    def state(self, column: str) -> list[int]:
        """Name the notices of which a column is set, in their order."""
        rows = self._database.execute(f"select notice_id from notices where {column} is not null order by notice_id")
        return [notice_id for (notice_id,) in rows]

    def event_id(self, notice_id: int) -> str:
        """Name the event by which a notice travels."""
        row = self._database.execute(
            "select notice_id, call_id, alert_id, channel, what from notices where notice_id = %s", (notice_id,)
        ).fetchone()
        return notice_event(Notice(*row)).event_id


def let_time_pass(redis: Redis, seconds: float, channel: str = "webhook") -> None:
    """Have the jobs of a channel that pause wait so much less."""
    for job_id, due_at in redis.zrange(f"rq:scheduled:{channel}", 0, -1, withscores=True):
        redis.zadd(f"rq:scheduled:{channel}", {job_id: due_at - seconds}, xx=True)


def ids_of(requests: Sequence[Any]) -> list[str]:
    """Name what was posted by its webhook-id."""
    return [request.headers["webhook-id"] for request in requests]
