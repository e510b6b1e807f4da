"""How many open alerts wait for somebody to take note of them, for the navigation of every page."""

import time
from collections.abc import Callable

from console.patience import TookTooLong, read_in_time
from console.services import Services
from shared.alerting.rule_faults import RESERVED_NAME
from shared.errors import DatabaseUnavailable
from shared.queries import queries

MOST_COUNTED = 100
# The page itself is ready: it waits no longer than this for a number, and does not ask again for some seconds.
PATIENCE_SECONDS = 0.5
PAUSE_SECONDS = 5.0


class AlertBadge:
    """Counts them up to a hundred. Safe between threads."""

    def __init__(self, services: Services, clock: Callable[[], float] = time.monotonic) -> None:
        self._services, self._clock = services, clock
        self._asks_from = float("-inf")

    def count(self) -> int | None:
        """Count them; None where the database does not tell at once. Never raises."""
        if self._clock() < self._asks_from:
            return None
        try:
            return read_in_time(self._read, PATIENCE_SECONDS)
        except (DatabaseUnavailable, TookTooLong):
            self._asks_from = self._clock() + PAUSE_SECONDS
            return None

    def words(self) -> str:
        """Write the number as the badge shows it; empty where there is none to show."""
        number = self.count()
        if not number:
            return ""
        return str(number) if number < MOST_COUNTED else f"{MOST_COUNTED - 1}+"

    def _read(self) -> int:
        values = {"test_rule": RESERVED_NAME, "limit": MOST_COUNTED}
        row = self._services.store.row(queries("console_alerts")["count_waiting"], values)
        return int(row["alerts"]) if row else 0
