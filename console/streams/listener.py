"""The one thread that hears the workers' announcements."""

import threading
from collections.abc import Callable, Collection
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from console.streams.outages import Outage
from shared.announcements import CHANNEL, read_announcement

LISTEN_SECONDS = 0.2
RETRY_SECONDS = 1.0


class Listener:
    """Passes on what is announced: `hint` gets call ids, or None for any; `lose` and `regain` tell whether it can."""

    def __init__(
        self,
        redis: Redis,
        hint: Callable[[Collection[str] | None], None],
        *,
        lose: Callable[[], None],
        regain: Callable[[], None],
    ) -> None:
        self._redis, self._hint, self._lose, self._regain = redis, hint, lose, regain
        self._outage = Outage("Redis")
        self._is_stopping = threading.Event()

    def run(self) -> None:
        """Listen until `stop`, and again after each outage."""
        while not self._is_stopping.is_set():
            try:
                self._listen()
            except RedisError as error:
                self._lose()
                self._outage.began(type(error).__name__)
                self._is_stopping.wait(RETRY_SECONDS)

    def stop(self) -> None:
        """End it, within a fifth of a second."""
        self._is_stopping.set()

    def _listen(self) -> None:
        with self._redis.pubsub() as subscription:  # type: ignore[no-untyped-call]  # redis's
            subscription.subscribe(CHANNEL)
            while not self._is_stopping.is_set():
                message: Any = subscription.get_message(timeout=LISTEN_SECONDS)
                if message is not None:
                    self._take(message["type"], message["data"])

    def _take(self, kind: str, content: Any) -> None:
        if kind == "message":
            self._hint(read_announcement(content).call_ids)
        elif kind == "subscribe":
            # Also after the library has connected again by itself: whatever was announced meanwhile went unheard.
            self._outage.ended()
            self._regain()
