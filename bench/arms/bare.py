"""The bare loop: two processes that pop, decode and upsert, with nothing that a queue is for."""

from collections.abc import Sequence

from bench.arms.pipeline import PlainPipeline
from bench.controls.bare_loop import BUSY, LISTS
from bench.ready import count_ready
from bench.stand import Stand
from bench.workload import Snapshot

PUSHED_AT_ONCE = 100


class BarePipeline(PlainPipeline):
    """One entry an event and list: the body."""

    at_work: Sequence[tuple[str, str]] = (("scard", BUSY),)

    def __init__(self, stand: Stand, name: str, decoder: str = "json", lists: str = "independent") -> None:
        super().__init__(stand)
        self.name = name
        self.lists = tuple(LISTS[lists])
        self._arguments = (decoder, lists)

    def commands(self) -> Sequence[Sequence[str]]:
        """Start the loops."""
        loop = self.stand.module("bench.controls.bare_loop", *self._arguments)
        return [loop, (*loop, "backwards")][: self.workers]

    def publish(self, snapshots: Sequence[Snapshot]) -> None:
        """Push the bodies."""
        bodies = [snapshot.body for snapshot in snapshots]
        for start in range(0, len(bodies), PUSHED_AT_ONCE):
            for name in self.lists:
                self.stand.redis.rpush(name, *bodies[start : start + PUSHED_AT_ONCE])

    def is_ready(self) -> bool:
        """Both have told so."""
        return count_ready(self.stand.redis) >= self.workers
