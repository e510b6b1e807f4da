"""Follow the receipts that stages leave: mark the calls that changed since the last look, and take marked ones.

So stages do nothing for those who look at what they stored. A mark goes in the transaction that does what it asks for,
so a crash loses none. What a rebuild tells again leaves no receipt.
"""

from typing import Any, Literal

from psycopg.rows import DictRow

from shared.database import Connection
from shared.queries import queries

Name = Literal["figures", "alerts"]

# More than a transaction takes from its beginning until it writes.
MARGIN_SECONDS = 120.0


class Follower:
    """One who follows, by name; each has marks and progress of its own. Only one at a time may act for a name."""

    def __init__(self, name: Name, receipt_days: int) -> None:
        self._wanted: dict[str, Any] = {
            "follower": name,
            "receipt_days": receipt_days,
            "margin_seconds": MARGIN_SECONDS,
        }

    def mark_changed(self, connection: Connection) -> bool:
        """Mark the calls that stages have changed since the last look.

        False where that cannot be told, at the first look or after a very long pause: then following begins here.
        """
        row = connection.execute(queries("followers")["read_progress"], self._wanted).fetchone()
        if row is None:
            connection.execute(queries("followers")["start"], self._wanted)
            return False
        connection.execute(queries("followers")["mark_changed"], {**self._wanted, **row})
        return True

    def take(self, connection: Connection, most: int) -> list[DictRow]:
        """Take up to `most` marked calls, each as `key` and `marked_at`; the marks are gone once that is committed."""
        return connection.execute(queries("followers")["take_calls"], {**self._wanted, "most": most}).fetchall()
