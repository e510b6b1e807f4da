"""Deliveries in quarantine: the rows of a table, to be listed, read and taken out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.database import Database
from shared.filters import QuarantineFilter
from shared.queries import queries


@dataclass(frozen=True, slots=True)
class QuarantinedDelivery:
    """A delivery that no stage could take; `size` in bytes."""

    event_id: str
    received_at: datetime
    reason: str
    size: int


@dataclass(frozen=True, slots=True)
class QuarantineSurvey:
    """How many deliveries match, by reason, and the newest of them."""

    counts: dict[str, int]
    deliveries: Sequence[QuarantinedDelivery]

    @property
    def total(self) -> int:
        """How many match."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class QuarantinedBody:
    """A delivery as it is kept: whole, less the sender's secrets."""

    event_id: str
    received_at: datetime
    reason: str
    body: bytes


class Quarantine:
    """The table `quarantine` of one database. All methods raise DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def survey(self, wanted: QuarantineFilter, limit: int) -> QuarantineSurvey:
        """Count all that match, and tell of the newest `limit`, newest first."""
        asked = _parameters(wanted)
        with self._database.transaction() as connection:
            counts = connection.execute(queries("quarantined")["count"], asked).fetchall()
            rows = connection.execute(queries("quarantined")["list"], {**asked, "limit": limit}).fetchall()
        return QuarantineSurvey(
            {row["reason"]: row["number"] for row in counts}, [QuarantinedDelivery(**row) for row in rows]
        )

    def matching(self, wanted: QuarantineFilter) -> list[str]:
        """Name the events that match, oldest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(queries("quarantined")["match"], _parameters(wanted)).fetchall()
        return [row["event_id"] for row in rows]

    def load(self, event_ids: Sequence[str]) -> list[QuarantinedBody]:
        """Read deliveries whole, as far as they are still there."""
        with self._database.transaction() as connection:
            rows = connection.execute(queries("quarantined")["load"], {"event_ids": list(event_ids)}).fetchall()
        return [QuarantinedBody(**row) for row in rows]

    def delete(self, event_ids: Sequence[str]) -> int:
        """Take deliveries out; counts those that were still there."""
        if not event_ids:
            return 0
        with self._database.transaction() as connection:
            rows = connection.execute(queries("quarantined")["delete"], {"event_ids": list(event_ids)}).fetchall()
        return len(rows)


def _parameters(wanted: QuarantineFilter) -> dict[str, object]:
    return {"event_id": wanted.event_id, "reason": wanted.reason, "since": wanted.since, "until": wanted.until}
