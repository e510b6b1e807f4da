"""Waiting for PostgreSQL where nobody else waits: longer and longer, and told in the log each time."""

import logging

import psycopg

from shared.errors import BadEvent, RetryLater
from shared.logs import log

# What a transaction may raise that is tried again later.
POSTGRESQL_FAULTS = (RetryLater, BadEvent, psycopg.Error)


class Patience:
    """How long to wait before the next attempt; it doubles with each that fails."""

    def __init__(self, first_seconds: float, longest_seconds: float) -> None:
        self._first_seconds, self._longest_seconds = first_seconds, longest_seconds
        self.renew()

    def renew(self) -> None:
        """Begin with short pauses again, after an attempt that succeeded."""
        self._pause_seconds = self._first_seconds

    def pause_after(self, error: Exception) -> float:
        """Tell of a failed attempt; returns for how many seconds to wait."""
        reason = str(error) if isinstance(error, RetryLater) else type(error).__name__
        log(logging.WARNING, "janitor.waiting", server="PostgreSQL", reason=reason)
        pause_seconds, self._pause_seconds = self._pause_seconds, min(2 * self._pause_seconds, self._longest_seconds)
        return pause_seconds
