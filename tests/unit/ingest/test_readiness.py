"""When events can be accepted durably, by what Redis tells and does."""

import pytest
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,  # noqa: A004
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from ingest.app import create_app
from ingest.readiness import check_readiness

DURABLE = {
    "role": "master",
    "maxmemory": 0,
    "maxmemory_policy": "noeviction",
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
}


class FakeServer:
    """Redis as far as readiness asks it: what it tells, or the error it answers with."""

    def __init__(self, *, write=0, info=DURABLE, appendfsync="always"):
        self._write, self._info = write, info
        self._config = appendfsync if isinstance(appendfsync, RedisError) else {"appendfsync": appendfsync}

    def setrange(self, *_arguments):
        return self._told(self._write)

    def info(self):
        return self._told(self._info)

    def config_get(self, _name):
        return self._told(self._config)

    def _told(self, answer):
        if isinstance(answer, RedisError):
            raise answer
        return answer


def test_a_durable_master_is_ready():
    """There is nothing to complain of."""
    found = check_readiness(FakeServer())
    assert (found.is_ready, found.reasons, found.warnings) == (True, (), ())


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (BusyLoadingError("LOADING"), "loading"),
        (ReadOnlyError("READONLY"), "replica"),
        (OutOfMemoryError("OOM"), "memory"),
        (NoPermissionError("NOPERM"), "permit"),
        (ResponseError("MISCONF"), "refuses to write"),
        (ConnectionError("10.1.2.3:6379"), "reached"),
    ],
)
def test_a_redis_that_does_not_take_writes_is_a_reason(error, word):
    """The reason says what is wrong in our words, without the address in the error's text."""
    found = check_readiness(FakeServer(write=error))
    assert not found.is_ready
    assert word in found.reasons[0]
    assert "10.1.2.3" not in str(found)


@pytest.mark.parametrize(
    ("fact", "word"),
    [
        ({"role": "slave"}, "replica"),
        ({"maxmemory": 1_000_000, "maxmemory_policy": "allkeys-lru"}, "noeviction"),
        ({"maxmemory": 1_000_000, "maxmemory_policy": "volatile-ttl"}, "noeviction"),
        ({"aof_last_write_status": "err"}, "append-only"),
    ],
)
def test_a_redis_that_would_lose_events_is_a_reason(fact, word):
    """A replica, an evicting policy under a limit, a failing append-only file."""
    (reason,) = check_readiness(FakeServer(info=DURABLE | fact)).reasons
    assert word in reason


def test_an_eviction_policy_without_a_limit_evicts_nothing():
    """It is no reason while maxmemory is not set."""
    assert check_readiness(FakeServer(info=DURABLE | {"maxmemory_policy": "allkeys-lru"})).is_ready


@pytest.mark.parametrize(
    ("server", "word"),
    [
        (FakeServer(info=DURABLE | {"aof_enabled": 0}), "appendonly is off"),
        (FakeServer(appendfsync="everysec"), "appendfsync is not always"),
        (FakeServer(appendfsync=ResponseError("unknown command")), "does not tell its appendfsync"),
        (FakeServer(info={"role": "master", "maxmemory_policy": "noeviction"}), "does not tell whether appendonly"),
        (FakeServer(info=NoPermissionError("NOPERM")), "does not tell"),
    ],
)
def test_a_weaker_setting_or_an_untold_one_is_a_warning(server, word):
    """It is told, and does not keep events out."""
    found = check_readiness(server)
    assert found.is_ready
    assert word in " ".join(found.warnings)


@pytest.mark.parametrize(
    ("server", "code"), [(FakeServer(), 200), (FakeServer(write=ConnectionError("10.1.2.3:6379 refused")), 503)]
)
def test_readiness_is_told_in_json(settings, redis, monkeypatch, lines, server, code):
    """The code is for load balancers, the lists are for people; a check is not logged."""
    monkeypatch.setattr("ingest.app.check_readiness", lambda _redis: check_readiness(server))
    answer = create_app(settings, redis).test_client().get("/readyz")
    assert (code, code == 200) == (answer.status_code, answer.json["ready"])
    assert {"ready", "reasons", "warnings"} == set(answer.json)
    assert lines() == []


def test_the_check_leaves_nothing_in_redis(client, redis):
    """Asking whether it can write writes nothing."""
    assert client.get("/readyz").status_code == 200
    assert redis.dbsize() == 0
