"""Keep an event durably: in Redis, or in the spool when Redis does not take it in time."""

import time
from collections.abc import Callable
from typing import Literal

from ingest.breaker import Breaker
from ingest.punctuality import until
from ingest.spool import Spool
from ingest.spool_file import SpoolUnavailable
from shared.errors import QueueUnavailable
from shared.publisher import Answer, IncomingEvent, Publisher

Kept = Answer | Literal["spooled"]

# What Redis is given when the spool has refused an event and the request has used up its time.
LAST_RESORT_SECONDS = 1.0


class Keeper:
    """Wired once and shared by all threads. `wake` tells whoever drains the spool that there is something to do."""

    def __init__(self, publisher: Publisher, spool: Spool, breaker: Breaker, wake: Callable[[], None]) -> None:
        self._publisher = publisher
        self._spool = spool
        self._breaker = breaker
        self._wake = wake

    def keep(self, event: IncomingEvent, deadline: float) -> Kept:
        """Keep an event; Redis has until the deadline (of `time.monotonic`) for it.

        Redis may have taken an event whose answer was lost. That one is spooled too, and published again later: it is a
        duplicate then, or done already, and doing it again changes nothing.

        Raises SpoolUnavailable when neither can take it.
        """
        if self._breaker.is_open or time.monotonic() >= deadline:
            return self._spool_or_publish(event, deadline)
        try:
            return self._publish(event, deadline)
        except QueueUnavailable:
            return self._add_to_spool(event)

    def _spool_or_publish(self, event: IncomingEvent, deadline: float) -> Kept:
        try:
            return self._add_to_spool(event)
        except SpoolUnavailable as refusal:
            try:
                return self._publish(event, max(deadline, time.monotonic() + LAST_RESORT_SECONDS))
            except QueueUnavailable:
                raise refusal from None

    def _publish(self, event: IncomingEvent, deadline: float) -> Answer:
        try:
            with until(deadline):
                return self._publisher.publish(event)
        except QueueUnavailable as error:
            self._breaker.open(str(error))
            self._wake()
            raise

    def _add_to_spool(self, event: IncomingEvent) -> Kept:
        self._spool.add(event)
        self._wake()
        return "spooled"
