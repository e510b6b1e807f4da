"""How much of Redis does a waiting event take, and do the workers keep what they have worked on?"""

import itertools
from collections.abc import Sequence
from functools import lru_cache, partial

from bench.arms.earshot import EarshotPipeline, EarshotWorkers
from bench.arms.pipeline import STAGES, Pipeline
from bench.arms.rq_workers import RqPipeline
from bench.comparisons import Comparison, Side
from bench.drain import DRAIN_SECONDS, is_idle, running, warm_up
from bench.plan import Arm, Plan
from bench.processes import resident_bytes
from bench.samples import Figures
from bench.sizes import CALL_MESSAGES, Sizes
from bench.stand import Stand, wait_for
from bench.workload import Snapshot, backlog, call_snapshots
from shared.event_records import compress

CALLS_AT_ONCE = 50
# By then a worker has seen full batches and has its caches.
SETTLED_SHARE = 0.2
PER_EVENT, GROWN = "Redis bytes/event", "greatest growth, x"
OURS, NAIVE, RESIDENT = "earshot, waiting", "three RQ jobs, waiting", "earshot worker, resident"

COMPARISONS = (
    Comparison(f"Redis bytes a waiting event of {CALL_MESSAGES} messages", Side(OURS, PER_EVENT), 6000, is_floor=False),
    Comparison("resident memory, the end to a fifth of the way", Side(RESIDENT, GROWN), 1.05, is_floor=False),
)


def plan(stand: Stand, sizes: Sizes) -> Plan:
    """Fill the queues and weigh them; then work on many events and weigh the workers."""
    weigh = partial(_weigh, stand, sizes.waiting_events)
    arms = [
        Arm(OURS, lambda: weigh(EarshotPipeline(stand))),
        Arm(NAIVE, lambda: weigh(RqPipeline(stand, "SimpleWorker"))),
        Arm(RESIDENT, partial(_work, stand, sizes.flat_events)),
    ]
    settings = {"waiting events": sizes.waiting_events, "events worked on": sizes.flat_events}
    return Plan("memory", "Memory: Redis for each waiting event, workers over many", arms, COMPARISONS, settings)


def _weigh(stand: Stand, count: int, pipeline: Pipeline) -> Figures:
    snapshots = _complete_snapshots(count)
    stand.clean()
    before = _used(stand)
    pipeline.publish(snapshots)
    after = _used(stand)
    body = sum(len(snapshot.body) for snapshot in snapshots) / count
    compressed = sum(len(compress(snapshot.body)) for snapshot in snapshots) / count
    taken = (after - before) / count
    return {PER_EVENT: taken, "body bytes": body, "zstd bytes": compressed}


@lru_cache(maxsize=1)
def _complete_snapshots(count: int) -> Sequence[Snapshot]:
    return [call_snapshots(number, CALL_MESSAGES)[-1] for number in range(count)]


def _used(stand: Stand) -> int:
    return int(stand.redis.info("memory")["used_memory"])


def _work(stand: Stand, events: int) -> Figures:
    """Work on events in portions, and weigh each worker after each portion."""
    stand.clean()
    pipeline = EarshotWorkers(stand)
    weights: list[list[int]] = []
    with running(stand, pipeline) as processes:
        warm_up(stand, pipeline)
        for first in itertools.islice(itertools.count(0, CALLS_AT_ONCE), events // (CALLS_AT_ONCE * CALL_MESSAGES)):
            pipeline.publish(backlog(CALLS_AT_ONCE, CALL_MESSAGES, CALLS_AT_ONCE, first))
            wait_for(lambda: is_idle(stand, pipeline), DRAIN_SECONDS, "the events were not worked off")
            weights.append([resident_bytes(process.pid) for process in processes])
    settled, end = weights[round(len(weights) * SETTLED_SHARE)], weights[-1]
    megabytes = {f"{stage} MB": weight / 1e6 for stage, weight in zip(STAGES, end, strict=True)}
    return {**megabytes, GROWN: max(late / early for late, early in zip(end, settled, strict=True))}
