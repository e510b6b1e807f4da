"""Alerts as the janitor leaves them, put straight into the tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

NEGATIVE = {"label": "negative", "confidence": 0.92, "threshold": 0.8}


def raise_alert(database: psycopg.Connection, alert_id: str, **parts: Any) -> str:
    """Raise an alert, a minute after its condition began five minutes ago unless told otherwise."""
    now = datetime.now(UTC)
    row = {
        "alert_id": alert_id,
        "call_id": "",
        "message_id": "",
        "rule": "angry_caller",
        "subject": "",
        "severity": "warning",
        "began_at": now - timedelta(minutes=5),
        "raised_at": now - timedelta(minutes=4),
        "resolved_at": None,
        "acknowledged_at": None,
        "is_silenced": False,
        "detail": NEGATIVE,
        **parts,
    }
    database.execute(
        "insert into alerts (alert_id, call_id, message_id, rule, subject, severity, began_at, raised_at, resolved_at,"
        " acknowledged_at, is_silenced, detail) values (%(alert_id)s, %(call_id)s, %(message_id)s, %(rule)s,"
        " %(subject)s, %(severity)s, %(began_at)s, %(raised_at)s, %(resolved_at)s, %(acknowledged_at)s,"
        " %(is_silenced)s, %(detail)s)",
        {**row, "detail": Jsonb(row["detail"])},
    )
    return alert_id


def resolve(database: psycopg.Connection, alert_id: str) -> None:
    """Have the condition of an alert end."""
    database.execute("update alerts set resolved_at = now() where alert_id = %s", (alert_id,))
