"""Faults of the servers under load: killed, away, read-only, their last second gone, their disk full."""

import resource
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg

from tests.faults.earshot_system import EarshotSystem
from tests.faults.load import Load, System, systems, under_load
from tests.faults.stand import Stand
from tests.faults.verdicts import Verdict

AWAY_SECONDS = 4.0
LONG_AWAY_SECONDS = 60.0
FULL_DISK_BYTES = 512 * 1024
KILLS = 3
BETWEEN_KILLS_SECONDS = 1.0

Fault = Callable[[System], int]


def redis_killed(stand: Stand, seed: int) -> list[Verdict]:
    """Kill Redis, three times, and start it again at once: with appendfsync always nothing is lost."""
    return _on_both("redis killed, appendfsync always", stand, seed, lambda system: _kill(system.stand, "valkey"))


def redis_away(stand: Stand, seed: int) -> list[Verdict]:
    """Stop Redis for some seconds: the spool takes what comes."""
    return _on_both("redis away for 4 s", stand, seed, lambda system: stop_for_a_while(system.stand, "valkey"))


def redis_away_for_long(stand: Stand, seed: int) -> list[Verdict]:
    """Stop Redis for a minute, while events come in all the time: longer than a lease, and than any back-off."""
    load = Load.of_calls(seed, calls=100, events_a_second=20)

    def fault() -> int:
        return stop_for_a_while(stand, "valkey", seconds=LONG_AWAY_SECONDS)

    return [under_load("redis away for 60 s", EarshotSystem(stand), load, fault)]


def redis_loses_its_last_second(stand: Stand, seed: int) -> list[Verdict]:
    """Kill Redis and cut from its file what everysec had not synced: a failed machine. Loss is expected."""

    def fault(system: System) -> int:
        stand.redis().config_set("appendfsync", "everysec")
        path = _append_only_file(stand)
        synced = path.stat().st_size
        time.sleep(1)
        stand.servers.stop("valkey", signal_number=signal.SIGKILL)
        with path.open("r+b") as file:
            file.truncate(synced)
        stand.servers.start("valkey")
        return 1

    verdicts = _on_both("machine lost, appendfsync everysec", stand, seed, fault)
    for verdict in verdicts:
        verdict.may_lose = True
    return verdicts


def spool_full(stand: Stand, seed: int) -> list[Verdict]:
    """Keep Redis away until a spool of a megabyte is full: from then on 503, and nothing that was accepted is lost."""
    system = EarshotSystem(stand, {"SPOOL_MAX_BYTES": str(1024**2)})
    load = Load.of_calls(seed, calls=120, events_a_second=400)

    def fault() -> int:
        stand.servers.stop("valkey")
        _wait_while(lambda: len(system.refused) < 20, 20)
        stand.servers.start("valkey")
        return 1

    verdict = under_load("spool full", system, load, fault)
    verdict.note(f"answers {dict(sorted(system.answers.items()))}")
    if not (system.answers.get(503) and system.retry_after):
        verdict.note("no 503 with Retry-After was seen")
        verdict.wrong += 1
    return [verdict]


def disk_full(stand: Stand, seed: int) -> list[Verdict]:
    """Let no file of the ingest grow any more while Redis is away: 503, and nothing that was accepted is lost."""
    system = EarshotSystem(stand)
    load = Load.of_calls(seed, calls=120, events_a_second=400)

    def fault() -> int:
        stand.servers.stop("valkey")
        # What a full disk does to writes, this limit does too.
        _limit_files(system, FULL_DISK_BYTES)
        _wait_while(lambda: len(system.refused) < 20, 20)
        _limit_files(system, resource.RLIM_INFINITY)
        stand.servers.start("valkey")
        return 1

    verdict = under_load("spool's disk full", system, load, fault)
    verdict.note(f"answers {dict(sorted(system.answers.items()))}")
    if not system.answers.get(503):
        verdict.note("no 503 was seen")
        verdict.wrong += 1
    return [verdict]


def ingest_killed(stand: Stand, seed: int) -> list[Verdict]:
    """Kill the ingest while Redis is away: what it had answered is in the spool, and the next one publishes it."""
    system = EarshotSystem(stand)

    def fault() -> int:
        stand.servers.stop("valkey")
        time.sleep(1)
        system.stop_ingest(signal.SIGKILL)
        system.start_ingest()
        time.sleep(1)
        stand.servers.start("valkey")
        return 1

    return [under_load("ingest killed while redis is away", system, Load.of_calls(seed), fault)]


def postgres_away(stand: Stand, seed: int) -> list[Verdict]:
    """Stop PostgreSQL for some seconds."""
    return _on_both("postgresql away for 4 s", stand, seed, lambda system: stop_for_a_while(system.stand, "postgres"))


def postgres_killed(stand: Stand, seed: int) -> list[Verdict]:
    """Kill PostgreSQL, three times, in the middle of whatever it commits."""
    return _on_both("postgresql killed", stand, seed, lambda system: _kill(system.stand, "postgres"))


def postgres_read_only(stand: Stand, seed: int) -> list[Verdict]:
    """Let PostgreSQL refuse to write for some seconds, as after a fail-over."""

    def fault(system: System) -> int:
        _configure(stand, "on")
        time.sleep(AWAY_SECONDS)
        _configure(stand, "off")
        return 1

    return _on_both("postgresql read-only for 4 s", stand, seed, fault)


def _on_both(scenario: str, stand: Stand, seed: int, fault: Fault) -> list[Verdict]:
    load = Load.of_calls(seed)
    return [under_load(scenario, system, load, partial(fault, system)) for system in systems(stand)]


def _kill(stand: Stand, name: str) -> int:
    for _ in range(KILLS):
        stand.servers.stop(name, signal_number=signal.SIGKILL)
        stand.servers.start(name)
        time.sleep(BETWEEN_KILLS_SECONDS)
    return KILLS


def stop_for_a_while(stand: Stand, name: str, *, seconds: float = AWAY_SECONDS) -> int:
    """Stop a server in order and start it again; returns how often."""
    stand.servers.stop(name)
    time.sleep(seconds)
    stand.servers.start(name)
    return 1


def _append_only_file(stand: Stand) -> Path:
    return max((stand.directory / "valkey").rglob("*.incr.aof"), key=lambda path: path.stat().st_mtime)


def _configure(stand: Stand, value: str) -> None:
    with psycopg.connect(stand.serial_url, autocommit=True) as session:
        # An administrator gets past the setting that he makes.
        session.execute("set default_transaction_read_only = off")
        session.execute(f"alter system set default_transaction_read_only = {value}")
        session.execute("select pg_reload_conf()")


def _wait_while(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def _limit_files(system: EarshotSystem, size: int) -> None:
    for pid in system.ingest_pids():
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
