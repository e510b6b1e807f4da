"""What can be replayed or discarded: dead letters in Redis, and deliveries in quarantine."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from redis import Redis

from shared.dead_letters import DeadLetter, DeadLetters
from shared.event_records import record_key
from shared.filters import DeadLetterFilter, QuarantineFilter
from shared.publisher import IncomingEvent, Publisher
from shared.quarantined import Quarantine, QuarantinedBody
from shared.redis_client import redis_faults_told
from shared.replays import Action, Source
from shared.routing import Rules, route
from shared.settings import Settings
from shared.stages import QUARANTINE

DEAD_LETTERS_AT_ONCE = 300
# Their bodies are in memory together, each as large as the ingest lets in.
DELIVERIES_AT_ONCE = 20

# Routes a delivery that was in quarantine anew.
Route = Callable[[QuarantinedBody], IncomingEvent]


def route_by(settings: Settings) -> Route:
    """Make the rule by which deliveries are routed anew, as the ingest would route them today."""
    rules = Rules.of(settings)
    return lambda kept: route(kept.body, rules, round(kept.received_at.timestamp() * 1000))


class _DeadLetterWork:
    action: Action
    source: Source = "dead_letters"

    def __init__(self, dead_letters: DeadLetters, wanted: DeadLetterFilter) -> None:
        """Find out what matches. Raises QueueUnavailable, as do all other methods."""
        self.filter = wanted
        self._dead_letters = dead_letters
        self._letters = dead_letters.matching(wanted)
        self.matched = len(self._letters)

    def batches(self) -> Iterator[Sequence[DeadLetter]]:
        """Go through the dead letters, oldest first."""
        return _batches(self._letters, DEAD_LETTERS_AT_ONCE)

    def rehearse(self, batch: Sequence[DeadLetter]) -> int:
        """Count them: all can be replayed or discarded."""
        return len(batch)


class DeadLetterReplay(_DeadLetterWork):
    """Puts dead letters back into their queues, with fresh attempts."""

    action: Action = "replay"

    def carry_out(self, batch: Sequence[DeadLetter]) -> int:
        """Replay a batch; one that somebody else has replayed or discarded meanwhile does not count."""
        return self._dead_letters.replay(batch)


class DeadLetterDiscard(_DeadLetterWork):
    """Gives dead letters up for good."""

    action: Action = "discard"

    def carry_out(self, batch: Sequence[DeadLetter]) -> int:
        """Discard a batch; one that somebody else has replayed or discarded meanwhile does not count."""
        return self._dead_letters.discard(batch)


class _QuarantineWork:
    action: Action
    source: Source = "quarantine"

    def __init__(self, quarantine: Quarantine, wanted: QuarantineFilter) -> None:
        """Find out what matches. Raises DatabaseUnavailable, as do all other methods."""
        self.filter = wanted
        self._quarantine = quarantine
        self._event_ids = quarantine.matching(wanted)
        self.matched = len(self._event_ids)

    def batches(self) -> Iterator[Sequence[str]]:
        """Go through the deliveries' events, oldest first."""
        return _batches(self._event_ids, DELIVERIES_AT_ONCE)


class QuarantineReplay(_QuarantineWork):
    """Publishes what can be routed by now, and then takes it out of quarantine; the rest stays there."""

    action: Action = "replay"

    def __init__(
        self, quarantine: Quarantine, wanted: QuarantineFilter, redis: Redis, publisher: Publisher, route: Route
    ) -> None:
        """Find out what matches. The methods also raise QueueUnavailable."""
        super().__init__(quarantine, wanted)
        self._redis = redis
        self._publisher = publisher
        self._route = route

    def rehearse(self, batch: Sequence[str]) -> int:
        """Count what can be routed."""
        return len(self._routable(batch))

    def carry_out(self, batch: Sequence[str]) -> int:
        """Publish a batch, then delete its rows: a run that is killed in between publishes twice, and harms nothing."""
        published = [event.event_id for event in self._routable(batch) if self._is_published(event)]
        return self._quarantine.delete(published)

    def _routable(self, batch: Sequence[str]) -> list[IncomingEvent]:
        # It keeps the id that its sender was told, and the time it came.
        routed = [replace(self._route(kept), event_id=kept.event_id) for kept in self._quarantine.load(batch)]
        return [event for event in routed if QUARANTINE not in event.stages]

    def _is_published(self, event: IncomingEvent) -> bool:
        answer = self._publisher.publish(event)
        with redis_faults_told():
            # The same delivery may have come once more, and be on its way into quarantine again.
            return answer == "queued" or not self._redis.hexists(record_key(event.event_id), f"stage:{QUARANTINE}")


class QuarantineDiscard(_QuarantineWork):
    """Deletes deliveries from quarantine."""

    action: Action = "discard"

    def rehearse(self, batch: Sequence[str]) -> int:
        """Count them: all can be deleted."""
        return len(batch)

    def carry_out(self, batch: Sequence[str]) -> int:
        """Delete a batch; what somebody else has taken out meanwhile does not count."""
        return self._quarantine.delete(batch)


def _batches(things: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (things[start : start + size] for start in range(0, len(things), size))
