"""Clear away what RQ's own sweeps leave, or leave for a quarter of an hour when a worker died in the middle of one."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.resources import files
from typing import cast

from redis import Redis
from redis.exceptions import RedisError
from rq.registry import StartedJobRegistry
from rq.utils import now, utcformat

from shared.event_records import record_key
from shared.jobs import StageJob
from shared.logs import log
from shared.rq_names import event_id_of_job, intermediate_key, job_key, started_key
from shared.stages import QUEUES
from workers.pages import scan_hashes
from workers.turns import KEY

ORPHANS_KEPT = timedelta(hours=1)
LONGEST_LIST = 1000


def sweep_leases(redis: Redis, ended_seconds: float) -> int:
    """Take back the jobs whose lease has been over for so long, as a worker's sweep does; returns how many.

    An attempt is spent, for the job may be what killed its worker; after the last it is a dead letter.
    """
    ended_before = int(time.time() - ended_seconds)
    return sum(_sweep_leases_of(redis, stage, ended_before) for stage in QUEUES)


class IntermediateSweep:
    """Strikes ids that a worker left in the intermediate queue when it died, and whose stage has been done since.

    One whose stage is pending is dispatched again by the reconciler, which strikes it too.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._seen: set[tuple[str, bytes]] = set()

    def run_round(self) -> int:
        """Strike what is there for the second round; returns how many."""
        before, self._seen = self._seen, set(self._find_done())
        for stage, job_id in before & self._seen:
            self._redis.lrem(intermediate_key(stage), 0, cast("str", job_id))
            self._redis.delete(f"{intermediate_key(stage)}:first_seen:{job_id.decode(errors='replace')}")
        return len(before & self._seen)

    def _find_done(self) -> Iterator[tuple[str, bytes]]:
        for stage in QUEUES:
            ids = cast("list[bytes]", self._redis.lrange(intermediate_key(stage), 0, LONGEST_LIST - 1))
            for job_id in ids:
                event_id = event_id_of_job(job_id.decode(errors="replace"), stage)
                if not self._redis.hexists(record_key(event_id), f"stage:{stage}"):
                    yield stage, job_id


def drop_orphans(redis: Redis, token: str, between_pages: Callable[[], object]) -> int:
    """Drop jobs without anything to do that nobody has touched for an hour; returns how many."""
    script = redis.register_script(files("shared").joinpath("lua/drop_orphans.lua").read_text())
    touched_before = utcformat(now() - ORPHANS_KEPT)
    dropped = 0
    for keys in scan_hashes(redis, job_key("*")):
        between_pages()
        dropped += int(script([KEY, *keys], [token, touched_before, *QUEUES]))
    return dropped


def drop_stale_marks(redis: Redis) -> int:
    """Drop marks of jobs that are in no intermediate queue any more; returns how many.

    With such a mark RQ would call the job stuck at the first sight, when its id is used again within a day.
    """
    return sum(_drop_stale_marks_of(redis, stage) for stage in QUEUES)


def _sweep_leases_of(redis: Redis, stage: str, ended_before: int) -> int:
    key = started_key(stage)
    ended = redis.zcount(key, "-inf", ended_before)
    if ended:
        try:
            registry = StartedJobRegistry(stage, connection=redis, job_class=StageJob)
            registry.cleanup(ended_before)
        except RedisError:
            raise
        except Exception as error:  # noqa: BLE001 - a job that RQ cannot read would hold up the sweep for ever
            log(logging.WARNING, "janitor.unreadable", stage=stage, reason=type(error).__name__)
            redis.zremrangebyscore(key, "-inf", ended_before)
    return ended


def _drop_stale_marks_of(redis: Redis, stage: str) -> int:
    prefix = f"{intermediate_key(stage)}:first_seen:"
    marks = [key.decode(errors="replace") for key in redis.scan_iter(match=f"{prefix}*", count=1000, _type="STRING")]
    if not marks:
        return 0
    present = set(cast("list[bytes]", redis.lrange(intermediate_key(stage), 0, -1)))
    stale = [mark for mark in marks if mark.removeprefix(prefix).encode() not in present]
    return redis.delete(*stale) if stale else 0
