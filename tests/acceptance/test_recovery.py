"""The promise about killed workers, at the settings that everybody starts with: stored within a minute, once."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from shared.event_records import StoredEvent, record_key
from shared.publisher import IncomingEvent, Publisher
from shared.settings import Settings
from shared.stages import STAGES
from tests.calls import assistant, end_of_call_report, stages_of, user, welcome
from tests.integration.test_worker import count_blocked, leftovers
from tests.programs import program, wait_for
from tests.servers import EmbeddedServers
from tests.stage_runs import Rows, Stages

PROMISED_SECONDS = 60
DEFAULTS = Settings.model_construct()


@pytest.fixture
def settings(servers: EmbeddedServers, database_url: str, redis: Redis) -> Mapping[str, str]:
    """The environment of programs that are told nothing but where their servers are."""
    return {"REDIS_URL": servers.redis_url, "DATABASE_URL": database_url}


@pytest.mark.slow
def test_what_a_killed_worker_had_in_hand_is_stored_within_a_minute(
    redis: Redis, database: psycopg.Connection, settings: Mapping[str, str], tmp_path: Path
):
    """Workers killed inside a full batch lose and double nothing: 60 seconds later others have stored it all.

    Each stage is a trial. How soon an abandoned batch is found depends on when the other worker looks for such; so the
    others start at moments spread over the time between two looks.
    """
    events = [_report(number) for number in range(DEFAULTS.batch_size)]
    expected = _serial_rows(settings["DATABASE_URL"], events)
    _publish(redis, events)
    killed_at = _kill_workers_inside_their_batches(redis, database, settings, tmp_path)
    with ExitStack() as others:
        for place, stage in enumerate(STAGES):
            _wait_until(killed_at + place * DEFAULTS.maintenance_seconds / len(STAGES))
            others.enter_context(program("worker", stage, settings=settings, log=tmp_path / stage))
        records = [record_key(one.event_id) for one in events]
        wait_for(lambda: redis.exists(*records) == 0, seconds=killed_at + PROMISED_SECONDS - time.monotonic())
    assert expected == _rows(settings["DATABASE_URL"])
    assert leftovers(redis) == []


def _kill_workers_inside_their_batches(
    redis: Redis, database: psycopg.Connection, settings: Mapping[str, str], tmp_path: Path
) -> float:
    """Let a worker of each stage begin to write a batch, kill them, and tell when."""
    with database.transaction(), ExitStack() as workers:
        database.execute("lock table calls, fingerprints in access exclusive mode")
        for stage in STAGES:
            workers.enter_context(program("worker", stage, settings=settings, log=tmp_path / f"killed-{stage}"))
        wait_for(lambda: count_blocked(database) == len(STAGES))
        assert [redis.zcard(f"rq:wip:{stage}") for stage in STAGES] == [DEFAULTS.batch_size] * len(STAGES)
        return time.monotonic()


def _report(number: int) -> StoredEvent:
    return end_of_call_report([welcome(), user(1), assistant(1)], call_id=f"call-{number}")


def _publish(redis: Redis, events: Sequence[StoredEvent]) -> None:
    publisher = Publisher(redis, DEFAULTS)
    for one in events:
        told = (one.event_id, one.received_at_ms, stages_of(one), one.body, one.event_type, one.call_id)
        publisher.publish(IncomingEvent(*told))


def _serial_rows(database_url: str, events: Sequence[StoredEvent]) -> Rows:
    with Stages(database_url) as stages:
        stages.send(*events)
        rows = stages.rows()
        stages.clear()
    return rows


def _rows(database_url: str) -> Rows:
    with Stages(database_url) as stages:
        return stages.rows()


def _wait_until(moment: float) -> None:
    wait_for(lambda: time.monotonic() >= moment)
