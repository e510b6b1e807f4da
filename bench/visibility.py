"""When do the rows of events become visible? A session that looks, and looks again, until all are there."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from bench.rounds import BenchError
from bench.workload import Snapshot

LOOK_SECONDS = 0.001
PATIENCE_SECONDS = 60.0

SEEN_IN_OURS = """
    select wanted.place
    from unnest(%(call_ids)s::text[], %(message_ids)s::text[]) with ordinality as wanted (call_id, message_id, place)
    where exists (select from messages where (call_id, message_id) = (wanted.call_id, wanted.message_id))
    and exists (select from message_metrics where (call_id, message_id) = (wanted.call_id, wanted.message_id))
    and exists (select from interruptions where (call_id, message_id) = (wanted.call_id, wanted.message_id))
"""
SEEN_IN_PLAIN = """
    select wanted.place
    from unnest(%(call_ids)s::text[], %(message_ids)s::text[]) with ordinality as wanted (call_id, message_id, place)
    where exists (select from plain_messages where (call_id, message_id) = (wanted.call_id, wanted.message_id))
    and exists (select from plain_metrics where (call_id, message_id) = (wanted.call_id, wanted.message_id))
    and exists (select from plain_interruptions where (call_id, message_id) = (wanted.call_id, wanted.message_id))
"""


@dataclass(frozen=True)
class Watch:
    """Which rows to look for; event k is due `start + k / rate` on the monotonic clock."""

    session: psycopg.Connection
    is_ours: bool
    start: float
    rate: float

    def latencies_ms(self, snapshots: Sequence[Snapshot]) -> list[float]:
        """Wait until every event is visible; gives how long after it was due each of them was, in order."""
        waiting = list(range(len(snapshots)))
        latencies = [0.0] * len(snapshots)
        deadline = self._due(len(snapshots)) + PATIENCE_SECONDS
        while waiting:
            due = [number for number in waiting if self._due(number) <= time.monotonic()]
            seen = self._look([snapshots[number] for number in due]) if due else []
            now = time.monotonic()
            for place in seen:
                latencies[due[place]] = (now - self._due(due[place])) * 1000
            found = {due[place] for place in seen}
            waiting = [number for number in waiting if number not in found]
            if now > deadline:
                raise BenchError(f"{len(waiting)} events did not become visible")
            time.sleep(LOOK_SECONDS)
        return latencies

    def _due(self, number: int) -> float:
        return self.start + number / self.rate

    def _look(self, snapshots: Sequence[Snapshot]) -> list[int]:
        wanted = {
            "call_ids": [snapshot.call_id for snapshot in snapshots],
            "message_ids": [snapshot.message_id for snapshot in snapshots],
        }
        query = SEEN_IN_OURS if self.is_ours else SEEN_IN_PLAIN
        return [place - 1 for (place,) in self.session.execute(query, wanted)]
