"""The sweep: one run without a fault counts the commands of a job; then each is the place of a fault, in its own run.

Every point has a Redis database and calls of its own, so that many can be hurt one after the other and then recover
together.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any

from redis import Redis
from rq import Queue

from shared.event_records import StoredEvent
from tests.faults import loads, programs
from tests.faults.arms import Arm
from tests.faults.stand import REDIS_DATABASES, Stand, kill, terminate, wait_for
from tests.faults.tap import WITHOUT_REPLY, Fault, Point, When
from tests.faults.verdicts import Verdict
from workers.batches import BatchQueue

RUN_SECONDS = 15.0
LOOK_SECONDS = 0.1
POP = "BLMOVE rq:queue"
GROUP = REDIS_DATABASES - 1
WRITES = {
    "transcripts": "messages",
    "metrics": "message_metrics",
    "interruptions": "interruptions",
    "lifecycle": "calls",
    "sentiment": "sentiments",
    "quarantine": "quarantine",
}
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Course:
    """How a job comes to be run: what is published, how it is changed, and whether the worker waited for it.

    With `is_hindered` PostgreSQL refuses the rows until the recovery begins. With `is_of_janitor` it is the janitor
    that is hurt, before any worker comes.
    """

    name: str
    load: Callable[[str, str], list[StoredEvent]] = loads.single
    is_awaited: bool = False
    spoil: Callable[[Redis, str, Sequence[StoredEvent]], None] | None = None
    is_hindered: bool = False
    is_of_janitor: bool = False


def spend_an_attempt(redis: Redis, stage: str, events: Sequence[StoredEvent]) -> None:
    """Leave a job as one that failed before: it runs alone, by RQ's ordinary path."""
    for event in events:
        redis.hincrby(f"rq:job:{event.event_id}-{stage}", "retries_left", -1)


def abandon(redis: Redis, stage: str, events: Sequence[StoredEvent]) -> None:
    """Leave jobs as a worker does that died long ago: taken, and their lease over."""
    del events
    queue = Queue(stage, connection=redis)
    BatchQueue(queue, redis, "the-late", "rq:worker:the-late").take(100, 1 << 30, lease_seconds=-60)


def spend_all_attempts(redis: Redis, stage: str, events: Sequence[StoredEvent]) -> None:
    """Leave a job its last attempt."""
    for event in events:
        redis.hset(f"rq:job:{event.event_id}-{stage}", "retries_left", 0)


def lose(redis: Redis, stage: str, events: Sequence[StoredEvent]) -> None:
    """Let the jobs vanish from their queue."""
    del events
    redis.delete(f"rq:queue:{stage}")


SINGLE = Course("single")
BATCH = Course("batch", loads.batch)
ARRIVING = Course("arriving", is_awaited=True)
ALONE = Course("alone", spoil=spend_an_attempt)
ABANDONED = Course("abandoned", spoil=abandon)
FAILING = Course("failing", is_hindered=True)
LAST_ATTEMPT = Course("last attempt", spoil=spend_all_attempts, is_hindered=True)
LOST_JOB = Course("lost job", spoil=lose, is_of_janitor=True)


@dataclass(slots=True)
class Case:
    """A point with its events, in the Redis database `number`."""

    number: int
    fault: Fault
    events: Sequence[StoredEvent]
    hurt_at: float = 0.0
    seconds: float | None = None
    is_struck: bool = False
    is_whole: bool = False


class Sweep:
    """Sweeps one course of one stage on one arm. `is_killed` says whether the worker dies at the fault."""

    def __init__(self, stand: Stand, arm: Arm, stage: str, course: Course, *, is_killed: bool) -> None:
        self._stand, self._arm, self._stage, self._course = stand, arm, stage, course
        self._is_killed = is_killed
        self._scenario = f"{'kill' if is_killed else 'lost reply'} {stage} {course.name}"
        self._cases: list[Case] = []

    def run(self, whens: Sequence[When], progress: Progress = lambda _: None, *, stride: int = 1) -> Verdict:
        """Sweep every `stride`-th point; returns what came out."""
        verdict = Verdict(self._scenario, self._arm.name)
        self._stand.clear()
        faults = self.points(whens)[::stride]
        verdict.points = len(faults)
        for start in range(0, len(faults), GROUP):
            self._sweep_group(faults[start : start + GROUP], verdict, progress)
        self._compare(verdict)
        return verdict

    def points(self, whens: Sequence[When]) -> list[Fault]:
        """Count the commands of a run without a fault."""
        with self._hindrance():
            self._run(self._case(0, Fault(Point("none", 0), "before")))
        seen = list(self._stand.tap.seen)
        self._stand.clear()
        return [Fault(point, when) for point in seen for when in whens if _has(point, when)]

    def _sweep_group(self, faults: Sequence[Fault], verdict: Verdict, progress: Progress) -> None:
        group = [self._case(number, fault) for number, fault in enumerate(faults, start=1)]
        with self._hindrance():
            for case in group:
                progress(f"{self._scenario} {case.fault}")
                self._run(case)
        self._recover(group)
        self._judge(group, verdict)
        self._cases += group

    def _case(self, number: int, fault: Fault) -> Case:
        call_id = f"{self._scenario}-{len(self._cases) + number}".replace(" ", "-")
        return Case(number, fault, self._course.load(self._stage, call_id))

    def _run(self, case: Case) -> None:
        self._stand.redis(case.number).flushdb()
        if self._course.is_of_janitor:
            self._run_janitor(case)
        elif self._course.is_awaited:
            self._run_awaiting(case)
        else:
            self._run_to_end(case)
        self._stand.settle_proxies()
        case.hurt_at = self._stand.tap.struck_at or time.monotonic()
        case.is_struck = self._stand.tap.struck_at is not None

    def _run_to_end(self, case: Case) -> None:
        self._publish(case)
        worker = self._start(case, *self._arm.worker(self._stage), True)
        worker.join(RUN_SECONDS)
        kill(worker)

    def _run_awaiting(self, case: Case) -> None:
        worker = self._start(case, *self._arm.worker(self._stage), False)
        wait_for(lambda: self._stand.tap.has_seen(POP) or not worker.is_alive(), RUN_SECONDS)
        self._publish(case)
        wait_for(lambda: not (worker.is_alive() and self._unsettled(case)), RUN_SECONDS)
        terminate(worker)

    def _run_janitor(self, case: Case) -> None:
        self._publish(case)
        redis, queue = self._stand.redis(case.number), f"rq:queue:{self._stage}"
        janitor = self._start(case, programs.tidy, [self._stand.redis_url(case.number, through_proxy=True)], 1)
        wait_for(lambda: redis.llen(queue) or not janitor.is_alive(), RUN_SECONDS)
        kill(janitor)

    def _start(self, case: Case, program: Callable[..., None], *arguments: Any) -> BaseProcess:
        started: list[BaseProcess] = []

        def strike() -> None:
            wait_for(lambda: started, RUN_SECONDS)
            if self._is_killed:
                started[0].kill()

        self._stand.tap.watch(case.fault, strike)
        settings = self._stand.settings(case.number, through_proxies=True)
        started.append(self._stand.start(program, settings, *arguments))
        return started[0]

    @contextmanager
    def _hindrance(self) -> Iterator[None]:
        if not self._course.is_hindered:
            yield
            return
        table = WRITES[self._stage]
        self._stand.execute(f"alter table {table} add constraint hindrance check (false) not valid")
        try:
            yield
        finally:
            self._stand.execute(f"alter table {table} drop constraint hindrance")

    def _publish(self, case: Case) -> None:
        redis = self._stand.redis(case.number)
        self._arm.publish(redis, self._stage, case.events)
        if self._course.spoil:
            self._course.spoil(redis, self._stage, case.events)

    def _recover(self, group: Sequence[Case]) -> None:
        """Have those that put things right come by at every point's database, again and again."""
        urls = [self._stand.redis_url(case.number) for case in group]
        crew = [
            self._stand.start(program, self._stand.settings(), *arguments)
            for program, *arguments in self._arm.crew(self._stage, urls)
        ]
        wait_for(lambda: not self._unrecovered(group), self._arm.recovery_seconds, LOOK_SECONDS)
        for member in crew:
            kill(member)

    def _unrecovered(self, group: Sequence[Case]) -> list[Case]:
        for case in group:
            if case.seconds is None and not self._unsettled(case):
                case.seconds = time.monotonic() - case.hurt_at
        return [case for case in group if case.seconds is None]

    def _unsettled(self, case: Case) -> int:
        return self._arm.unsettled(self._stand.redis(case.number), self._stage, case.events)

    def _judge(self, group: Sequence[Case], verdict: Verdict) -> None:
        for case in group:
            redis = self._stand.redis(case.number)
            unsettled, dead = self._unsettled(case), self._arm.dead(redis, self._stage)
            doubled = self._arm.doubled(redis, self._stage, case.events)
            case.is_whole = not (unsettled or dead)
            verdict.acknowledged += len(case.events)
            verdict.unsettled += unsettled
            verdict.dead += dead
            verdict.doubled += doubled
            verdict.unstruck += not case.is_struck
            verdict.seconds = max(verdict.seconds, case.seconds or 0.0)
            for count, what in ((unsettled, "unsettled"), (dead, "dead"), (doubled, "doubled")):
                if count and (what != "dead" or not self._course.is_hindered):
                    verdict.note(f"{what} {case.fault}")

    def _compare(self, verdict: Verdict) -> None:
        pairs = [(self._stage, event) for case in self._cases for event in case.events]
        difference = self._arm.compare(self._stand.database_url, self._stand.serial_url, pairs)
        whole = {
            event.call_id or event.event_id: case for case in self._cases if case.is_whole for event in case.events
        }
        for name in ("lost", "doubled", "wrong"):
            harmed = getattr(difference, name) & whole.keys()
            setattr(verdict, name, getattr(verdict, name) + len(harmed))
            verdict.notes += [f"{name} {whole[owner].fault}" for owner in sorted(harmed)]


def _has(point: Point, when: When) -> bool:
    return when == "before" or not point.command.startswith(WITHOUT_REPLY)
