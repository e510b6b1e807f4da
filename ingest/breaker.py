"""Remembers that Redis has just failed, so that not every request has to find out for itself."""

import logging
from threading import Lock

from shared.logs import log


class Breaker:
    """Open from a failure of Redis until somebody saw that it takes events again. Safe to share between threads."""

    def __init__(self) -> None:
        self._turn = Lock()
        self.is_open = False
        """Whether Redis is not worth asking now."""

    def open(self, reason: str) -> None:
        """Note a failure, and tell of the first."""
        if self._turn_to(is_open=True):
            log(logging.WARNING, "spool.began", reason=reason)

    def close(self) -> None:
        """Note that Redis takes events, and tell if that is news."""
        if self._turn_to(is_open=False):
            log(logging.INFO, "spool.ended")

    def _turn_to(self, *, is_open: bool) -> bool:
        with self._turn:
            was_open, self.is_open = self.is_open, is_open
        return was_open != is_open
