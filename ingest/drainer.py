"""Publish what waits in the spool, in the order of arrival, as soon as Redis takes events again.

An event is removed after it was published. A drainer that dies in between leaves it, and it is published again: it is a
duplicate then, or done already, and doing it again changes nothing. So each is published at least once and counts once.
"""

import logging
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from traceback import extract_tb

from redis import Redis
from redis.exceptions import RedisError

from ingest.breaker import Breaker
from ingest.readiness import probe
from ingest.spool import Spool, SpooledEvent, read_event
from ingest.spool_file import SpoolUnavailable, try_lock
from shared.errors import QueueUnavailable
from shared.logs import log
from shared.publisher import Publisher

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
# What another process has left lies there unnoticed for no longer than this.
LOOK_SECONDS = 5.0
TELL_SECONDS = 10.0
# Its own: the thread leaves the numbers alone that the rest of the process draws.
_CHANCE = random.Random()  # noqa: S311 - spreads processes, hides nothing


class Drainer:
    """Drains the spool in a thread of its own; of several processes with one spool, one at a time."""

    def __init__(self, redis: Redis, publisher: Publisher, spool: Spool, breaker: Breaker) -> None:
        self._redis = redis
        self._publisher = publisher
        self._spool = spool
        self._breaker = breaker
        self._woken = Event()
        self._published: list[SpooledEvent] = []
        self._failure = ""

    def start(self) -> None:
        """Begin, with what an earlier process has left; it ends with the process."""
        Thread(target=self._run, name="drainer", daemon=True).start()

    def wake(self) -> None:
        """Tell it that there may be something to do."""
        self._woken.set()

    def _run(self) -> None:
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            self._woken.clear()
            if self._try_to_drain():
                pause_seconds = FIRST_PAUSE_SECONDS
                self._woken.wait(_jittered(LOOK_SECONDS))
            else:
                time.sleep(_jittered(pause_seconds))
                pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)

    def _try_to_drain(self) -> bool:
        try:
            is_done = self.drain()
        except Exception as error:  # noqa: BLE001 - nobody else would publish what waits
            self._tell_once(_reason(error))
            return False
        self._failure = ""
        return is_done

    def drain(self) -> bool:
        """Publish what waits; tells whether there is nothing more to do. Raises SpoolUnavailable."""
        if self._breaker.is_open and not self._takes_redis_events():
            return False
        with _lock(self._spool) as is_ours:
            return self._publish_all() if is_ours else True

    def _takes_redis_events(self) -> bool:
        try:
            probe(self._redis)
        except RedisError:
            return False
        self._breaker.close()
        return True

    def _publish_all(self) -> bool:
        progress = _Progress()
        # First what could not be removed when it was published, for example because the disk was full.
        self._remove_published()
        while batch := self._spool.oldest():
            goes_on = all(map(self._publish, batch))
            self._remove_published()
            if not goes_on:
                return False
            progress.add(len(batch), self._spool)
        if progress.events:
            log(logging.INFO, "spool.emptied", events=progress.events, duration_ms=progress.seconds * 1000)
            with suppress(SpoolUnavailable):
                self._spool.shrink()
        return True

    def _remove_published(self) -> None:
        # Where that fails they stay on the list, and so are not published over and over.
        self._spool.remove(self._published)
        self._published.clear()

    def _publish(self, spooled: SpooledEvent) -> bool:
        try:
            self._publisher.publish(read_event(spooled))
        except QueueUnavailable as error:
            self._postpone(spooled, str(error))
            return False
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one must not keep the others waiting
            self._spool.set_aside(spooled)
            log(logging.ERROR, "spool.set_aside", event_id=spooled.event_id, reason=_reason(error))
        else:
            self._published.append(spooled)
        return True

    def _postpone(self, spooled: SpooledEvent, reason: str) -> None:
        if not self._takes_redis_events():
            self._breaker.open(reason)
            return
        # Redis takes events, but not this one: it comes after the others from now on.
        self._spool.postpone(spooled)
        log(logging.WARNING, "spool.postponed", event_id=spooled.event_id, reason=reason)

    def _tell_once(self, reason: str) -> None:
        if reason != self._failure:
            log(logging.ERROR, "spool.failed", reason=reason)
        self._failure = reason


class _Progress:
    """What one pass over the spool has done so far."""

    def __init__(self) -> None:
        self.events = 0
        self._started = self._told = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since when it is under way."""
        return time.monotonic() - self._started

    def add(self, events: int, spool: Spool) -> None:
        """Count events, and tell now and then how many are left."""
        self.events += events
        if time.monotonic() - self._told < TELL_SECONDS:
            return
        left = spool.depth()
        log(logging.INFO, "spool.draining", events=self.events, left=left.events, oldest_seconds=left.oldest_seconds)
        self._told = time.monotonic()


@contextmanager
def _lock(spool: Spool) -> Iterator[bool]:
    """Try to be the one who drains; yields whether we are."""
    spool.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(spool.directory / "draining", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield try_lock(lock)
    finally:
        os.close(lock)


def _reason(error: Exception) -> str:
    # The text of an exception may quote an event; its kind, and where it was raised, do not.
    if isinstance(error, SpoolUnavailable):
        return str(error)
    place = extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}@{place.name}:{place.lineno}"


def _jittered(seconds: float) -> float:
    return _CHANCE.uniform(0.5, 1.5) * seconds
