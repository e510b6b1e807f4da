"""All scenarios, by the name with which one asks for them."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from tests.faults import outages, worker_faults
from tests.faults.arms import Arm, EarshotArm, PlainArm
from tests.faults.publishing import publishing
from tests.faults.stand import Stand
from tests.faults.sweep import (
    ABANDONED,
    ALONE,
    ARRIVING,
    BATCH,
    FAILING,
    LAST_ATTEMPT,
    LOST_JOB,
    SINGLE,
    Course,
    Progress,
    Sweep,
)
from tests.faults.verdicts import Verdict
from tests.faults.writers import writers

# What differs between stages is what they say to PostgreSQL; the other courses are RQ's and the janitor's.
OF_ALL_STAGES = (SINGLE, BATCH)
OF_ONE_STAGE = (
    (ARRIVING, "metrics"),
    (ALONE, "interruptions"),
    (ABANDONED, "lifecycle"),
    (FAILING, "transcripts"),
    (LAST_ATTEMPT, "metrics"),
    (LOST_JOB, "transcripts"),
)
OF_THE_CONTROL = (SINGLE, ARRIVING)

Scenario = Callable[[Stand, int, Progress], Iterator[Verdict]]


def crash_points(stand: Stand, seed: int, progress: Progress) -> Iterator[Verdict]:
    """Kill the worker before and after each command that it sends to a server."""
    del seed
    for arm, stage, course in _sweeps():
        yield Sweep(stand, arm, stage, course, is_killed=True).run(["before", "after"], progress)


def lost_replies(stand: Stand, seed: int, progress: Progress) -> Iterator[Verdict]:
    """Cut the connection at each command, after the server has executed it and before its reply arrives."""
    del seed
    for arm, stage, course in _sweeps():
        yield Sweep(stand, arm, stage, course, is_killed=False).run(["after"], progress)


def _sweeps() -> Iterator[tuple[Arm, str, Course]]:
    ours, control = EarshotArm(), PlainArm()
    for stage in ours.stages:
        for course in OF_ALL_STAGES:
            yield ours, stage, course
    for course, stage in OF_ONE_STAGE:
        yield ours, stage, course
    for stage in control.stages:
        for course in OF_THE_CONTROL:
            yield control, stage, course


def _plainly(run: Callable[[Stand, int], list[Verdict]]) -> Scenario:
    def scenario(stand: Stand, seed: int, progress: Progress) -> Iterator[Verdict]:
        progress("")
        yield from run(stand, seed)

    scenario.__doc__ = run.__doc__
    return scenario


ON_ONE_DATABASE_A_POINT: Mapping[str, Scenario] = MappingProxyType(
    {"crash-points": crash_points, "lost-replies": lost_replies, "publishing": _plainly(publishing)}
)
ON_DURABLE_SERVERS: Mapping[str, Scenario] = MappingProxyType(
    {
        name: _plainly(run)
        for name, run in {
            "redis-killed": outages.redis_killed,
            "redis-away": outages.redis_away,
            "redis-away-for-long": outages.redis_away_for_long,
            "redis-everysec": outages.redis_loses_its_last_second,
            "spool-full": outages.spool_full,
            "disk-full": outages.disk_full,
            "ingest-killed": outages.ingest_killed,
            "postgres-away": outages.postgres_away,
            "postgres-killed": outages.postgres_killed,
            "postgres-read-only": outages.postgres_read_only,
            "workers-killed": worker_faults.workers_killed,
            "workers-frozen": worker_faults.workers_frozen,
            "workers-rolled": worker_faults.workers_rolled,
            "writers": writers,
            "poison": worker_faults.poison,
            "odd-bodies": worker_faults.odd_bodies,
            "duplicate-flood": worker_faults.duplicate_flood,
            "two-janitors": worker_faults.two_janitors,
            "wrong-clocks": worker_faults.wrong_clocks,
            "eviction-policy": worker_faults.eviction_policy,
        }.items()
    }
)
