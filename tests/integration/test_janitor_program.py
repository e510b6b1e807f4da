"""`earshot janitor` as a program: several take turns, and it ends and waits as it should."""

import signal
from collections.abc import Mapping

import pytest

from tests.integration.test_batches import body
from tests.integration.test_worker import stopped
from tests.programs import Program, program, wait_for
from tests.servers import EmbeddedServers
from workers.turns import KEY

RECOVERY_SECONDS = 5


@pytest.fixture
def settings(settings_of_programs: Mapping[str, str]) -> Mapping[str, str]:
    """The programs' settings, with the shortest recovery."""
    return {**settings_of_programs, "RECOVERY_SECONDS": str(RECOVERY_SECONDS)}


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_another_takes_over_when_the_one_that_acts_dies_or_hangs(end, publish, redis, settings, tmp_path):
    """Of two one acts; when it is killed or frozen the other recovers what gets lost, in the time that is set."""
    with program("janitor", settings=settings, log=tmp_path / "one") as first:
        wait_for(lambda: redis.exists(KEY))
        with program("janitor", settings=settings, log=tmp_path / "two"):
            wait_for(lambda: "janitor.started" in (tmp_path / "two").read_text())
            event_id = publish(body(1))
            first.send_signal(end)
            redis.delete("rq:queue:transcripts")
            wait_for(lambda: redis.llen("rq:queue:transcripts") == 1, seconds=RECOVERY_SECONDS + 2)
            assert "janitor.acting" in (tmp_path / "two").read_text()
            first.send_signal(signal.SIGCONT)
    assert [f"{event_id}-transcripts".encode()] == redis.lrange("rq:queue:transcripts", 0, -1)


def test_it_ends_at_once_and_frees_the_turn(redis, settings, tmp_path):
    """SIGTERM ends it with status 0, and no other has to wait until its turn expires."""
    with program("janitor", settings=settings, log=tmp_path / "log") as janitor:
        wait_for(lambda: redis.exists(KEY))
        assert end_of(janitor) == 0
    assert not redis.exists(KEY)
    assert "janitor.stopped" in (tmp_path / "log").read_text()


def end_of(janitor: Program) -> int:
    janitor.send_signal(signal.SIGTERM)
    return janitor.wait(timeout=3)


def test_it_survives_both_servers(publish, redis, settings, servers: EmbeddedServers, tmp_path):
    """With Redis stopped and started again, and PostgreSQL away, it goes on; and ends promptly while one is away."""
    event_id = publish(body(1))
    with program("janitor", settings=settings, log=tmp_path / "log") as janitor:
        wait_for(lambda: redis.exists(KEY))
        with stopped(servers, "valkey"):
            wait_for(lambda: "server=Redis" in (tmp_path / "log").read_text())
        redis.delete("rq:queue:metrics")
        wait_for(lambda: redis.llen("rq:queue:metrics") == 1)
        with stopped(servers, "valkey"):
            wait_for(lambda: (tmp_path / "log").read_text().count("server=Redis") > 1)
            assert end_of(janitor) == 0
    assert [f"{event_id}-metrics".encode()] == redis.lrange("rq:queue:metrics", 0, -1)


def test_postgresql_away_keeps_no_job_lost(publish, redis, settings, servers: EmbeddedServers, tmp_path):
    """What PostgreSQL is needed for waits; jobs are recovered all the same."""
    publish(body(1))
    redis.delete("rq:queue:metrics")
    with (
        stopped(servers, "postgres"),
        program("janitor", settings=settings, log=tmp_path / "log"),
    ):
        wait_for(lambda: redis.llen("rq:queue:metrics") == 1)
        wait_for(lambda: "server=PostgreSQL" in (tmp_path / "log").read_text())
