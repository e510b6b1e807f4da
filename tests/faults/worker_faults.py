"""Faults of the workers: frozen beyond the lease and thawed, replaced one by one, poisoned, with a wrong clock."""

import os
import signal
import time
from collections.abc import Sequence
from functools import partial
from multiprocessing.process import BaseProcess

import psycopg
from redis import Redis

from shared.stages import QUARANTINE, STAGES
from tests.calls import conversation_update, stored, user, welcome
from tests.faults import programs
from tests.faults.earshot_system import EarshotSystem
from tests.faults.load import CALLS, Load, Sent, System, systems, under_load, unreadable
from tests.faults.stand import Stand, wait_for
from tests.faults.verdicts import Verdict

FROZEN_SECONDS = 6.0
FREEZES = 3
ROLLS = 3
FLOOD = 300
HELD_UP_SECONDS = 0.5
POISONED = "WC-poison"
POISONED_STAGE = "transcripts"
SENT_SECONDS = 20.0
NEIGHBOURS_LATENCY = """
    select stage = %s, max(extract(epoch from stored_at - received_at))::float
    from receipts where call_id <> %s group by 1
"""


def workers_frozen(stand: Stand, seed: int) -> list[Verdict]:
    """Freeze one worker of each stage at its work, beyond its lease, and thaw it: others take its jobs."""
    system = EarshotSystem(stand, of_stage=2)

    def fault() -> int:
        for turn in range(FREEZES):
            _freeze(system, turn)
        return FREEZES * 5

    return [under_load("workers frozen beyond their lease", system, Load.of_calls(seed, events_a_second=30), fault)]


def workers_rolled(stand: Stand, seed: int) -> list[Verdict]:
    """Replace all workers one by one, three times, by SIGTERM."""

    def roll(system: System) -> int:
        for _ in range(ROLLS):
            system.roll()
        return ROLLS * len(system.workers)

    load = Load.of_calls(seed)
    return [under_load("workers replaced by SIGTERM", system, load, partial(roll, system)) for system in systems(stand)]


def workers_killed(stand: Stand, seed: int) -> list[Verdict]:
    """Kill all workers again and again, wherever they are, while a supervisor starts new ones."""

    def kill_all(system: System) -> int:
        killed = 0
        for _ in range(10):
            time.sleep(0.3)
            for _, worker in system.workers:
                worker.kill()
            killed += len(system.workers)
            time.sleep(0.1)
            system.tend()
        return killed

    load = Load.of_calls(seed)
    return [
        under_load("workers killed at random", system, load, partial(kill_all, system)) for system in systems(stand)
    ]


def poison(stand: Stand, seed: int) -> list[Verdict]:
    """Send events that loop for ever, take all memory, kill the worker, or are hardly JSON: neighbours are stored."""
    return [_poisoned(stand, seed, kind) for kind in programs.POISONS]


def odd_bodies(stand: Stand, seed: int) -> list[Verdict]:
    """Send bodies that are deep, broken, or big among others."""
    system = EarshotSystem(stand)
    odd = [_deep(), _surrogates(), _big(), *(unreadable(b"\xff\xfe not JSON %d" % number) for number in range(5))]
    load = _mixed(Load.of_calls(seed, calls=10), odd)
    verdict = under_load("deep, broken and big bodies", system, load, lambda: len(odd))
    return [verdict]


def duplicate_flood(stand: Stand, seed: int) -> list[Verdict]:
    """Send the same few events over and over from many connections."""
    load = Load.of_calls(seed, calls=2)
    flood = Load([*load.events] * (FLOOD // len(load.events)), 10_000)
    return [under_load("every event many times", EarshotSystem(stand, of_stage=2), flood, lambda: len(flood.events))]


def two_janitors(stand: Stand, seed: int, *, calls: int = CALLS) -> list[Verdict]:
    """Let two janitors run while jobs vanish from the queues: each is dispatched again, and stored once."""
    system = EarshotSystem(stand, janitors=2)

    def lose_jobs() -> int:
        # Workers are quick: unless they are held up, hardly a job waits long enough to be lost.
        _signal_all(system, signal.SIGSTOP)
        time.sleep(HELD_UP_SECONDS)
        lost = sum(_delete_queue(stand.redis(), stage) for stage in STAGES)
        _signal_all(system, signal.SIGCONT)
        return lost

    verdict = under_load("queues deleted, two janitors", system, Load.of_calls(seed, calls=calls), lose_jobs)
    return [verdict]


def wrong_clocks(stand: Stand, seed: int) -> list[Verdict]:
    """Let one worker of each stage live an hour ahead, and one an hour behind."""
    system = EarshotSystem(stand, of_stage=1)

    def add_strangers() -> int:
        for stage in STAGES:
            for shift in (3600, -3600):
                worker = stand.start(programs.work_at_another_time, system.settings, stage, shift)
                system.workers.append((stage, worker))
        time.sleep(4)
        return 2 * len(STAGES)

    return [under_load("workers an hour ahead and behind", system, Load.of_calls(seed), add_strangers)]


def eviction_policy(stand: Stand, seed: int) -> list[Verdict]:
    """Start with a Redis that may evict events: readiness says so, and what it says ends with the cause."""
    del seed
    verdict = Verdict("eviction allowed at start", points=1)
    system = EarshotSystem(stand)
    redis = stand.redis()
    redis.config_set("maxmemory", "1gb")
    redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        system.start_ingest()
        warned = system.get("/readyz")
        redis.config_set("maxmemory-policy", "noeviction")
        healed = system.get("/readyz")
    finally:
        redis.config_set("maxmemory-policy", "noeviction")
        redis.config_set("maxmemory", "0")
        system.stop_ingest()
    if warned[0] != 503 or "noeviction" not in str(warned[1]) or healed[0] != 200:
        verdict.wrong += 1
        verdict.note(f"readiness answered {warned[0]}, then {healed[0]}")
    return [verdict]


def _signal_all(system: EarshotSystem, number: signal.Signals) -> None:
    for _, worker in system.workers:
        os.kill(worker.pid or 0, number)


def _delete_queue(redis: Redis, stage: str) -> int:
    """Let all that waits for a stage vanish; tells how many jobs that were."""
    key = f"rq:queue:{stage}"
    with redis.pipeline() as together:
        together.llen(key)
        together.delete(key)
        return int(together.execute()[0])


def _freeze(system: EarshotSystem, turn: int) -> None:
    frozen = [worker for place, (_, worker) in enumerate(system.workers) if place % 2 == turn % 2]
    for worker in frozen:
        os.kill(worker.pid or 0, signal.SIGSTOP)
    time.sleep(FROZEN_SECONDS)
    for worker in frozen:
        os.kill(worker.pid or 0, signal.SIGCONT)
    time.sleep(0.5)


def _poisoned(stand: Stand, seed: int, kind: str) -> Verdict:
    system = PoisonedSystem(stand, kind)
    event = conversation_update([welcome(), user(1)], call_id=POISONED)
    load = _mixed(Load.of_calls(seed, calls=6, events_a_second=1000), [(event, event.body)])

    def start_worker() -> int:
        # All of them wait by now, so that the neighbours share a batch with it.
        wait_for(lambda: sum(system.answers.values()) >= len(load.events), SENT_SECONDS)
        system.workers.append((POISONED_STAGE, system.start_worker(POISONED_STAGE)))
        return 1

    verdict = under_load(f"poison: {kind}", system, load, start_worker)
    if verdict.dead != 1:
        verdict.wrong += 1
        verdict.note(f"{verdict.dead} dead letters instead of 1")
    verdict.note(_neighbours_latency(stand))
    return verdict


def _neighbours_latency(stand: Stand) -> str:
    """Tell how long the others waited, in the poisoned stage, which began late, and in the others."""
    with psycopg.connect(stand.database_url) as session:
        waited = dict(session.execute(NEIGHBOURS_LATENCY, (POISONED_STAGE, POISONED)).fetchall())
    return f"neighbours waited up to {waited.get(True, 0):.1f} s, in other stages {waited.get(False, 0):.1f} s"


class PoisonedSystem(EarshotSystem):
    """One stage comes to grief over one call, and begins late; jobs have two attempts."""

    def __init__(self, stand: Stand, kind: str) -> None:
        stages = tuple(stage for stage in (*STAGES, QUARANTINE) if stage != POISONED_STAGE)
        super().__init__(stand, {"JOB_ATTEMPTS": "2"}, stages=stages)
        self._kind = kind

    def start_worker(self, stage: str) -> BaseProcess:
        """Start one worker."""
        if stage != POISONED_STAGE:
            return super().start_worker(stage)
        return self.stand.start(programs.work_poisoned, self.settings, stage, self._kind, POISONED)


def _mixed(load: Load, odd: Sequence[Sent]) -> Load:
    step = max(len(load.events) // (len(odd) + 1), 1)
    events = list(load.events)
    for number, one in enumerate(odd, start=1):
        events.insert(number * step, one)
    return Load(events, load.events_a_second)


def _deep() -> Sent:
    return unreadable(b'{"message": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested_too_deeply")


def _surrogates() -> Sent:
    body = conversation_update([welcome(text="PLACE")], call_id="WC-odd-1").body.replace(b"PLACE", b"\\ud800 \\udfff")

    return stored(body), body


def _big() -> Sent:
    event = conversation_update([welcome(text="long " * 2_000_000)], call_id="WC-odd-2")
    return event, event.body
