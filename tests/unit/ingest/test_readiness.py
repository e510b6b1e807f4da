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
from ingest.spool import Depth
from ingest.spool_file import SpoolUnavailable

DURABLE = {
    "role": "master",
    "maxmemory": 0,
    "maxmemory_policy": "noeviction",
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
}
EMPTY = Depth(0, 0, 0.0, 0)


class FakeSpool:
    """The spool as far as readiness asks it: how much waits, or the error it answers with."""

    max_bytes = 1024 * 1024

    def __init__(self, depth=EMPTY):
        self._depth = depth

    def depth(self):
        if isinstance(self._depth, SpoolUnavailable):
            raise self._depth
        return self._depth


UNUSABLE = FakeSpool(SpoolUnavailable("ENOSPC"))
FULL = FakeSpool(Depth(9, FakeSpool.max_bytes - 100, 60.0, 0))


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
    found = check_readiness(FakeServer(), FakeSpool())
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
def test_a_redis_that_does_not_take_writes_is_told(error, word):
    """In our words, without the address in the error's text: a warning while the spool takes events, else a reason."""
    found = check_readiness(FakeServer(write=error), FakeSpool())
    assert found.is_ready
    assert word in found.warnings[0]
    alone = check_readiness(FakeServer(write=error), UNUSABLE)
    assert not alone.is_ready
    assert word in alone.reasons[0]
    assert "10.1.2.3" not in str((found, alone))


@pytest.mark.parametrize(("spool", "refusal"), [(UNUSABLE, "the spool cannot be written"), (FULL, "the spool is full")])
def test_a_spool_that_takes_nothing_is_told(spool, refusal):
    """A warning while Redis takes events, and otherwise the second reason."""
    found = check_readiness(FakeServer(), spool)
    assert (found.is_ready, found.warnings[0]) == (True, refusal)
    assert check_readiness(FakeServer(write=ConnectionError()), spool).reasons == ("Redis cannot be reached", refusal)


@pytest.mark.parametrize(
    ("depth", "warning"),
    [
        (Depth(3, 900, 12.5, 0), "events wait in the spool"),
        (Depth(0, 0, 0.0, 1), "events in the spool cannot be read"),
    ],
)
def test_what_lies_in_the_spool_is_a_warning(depth, warning):
    """Somebody may want to know, although events are accepted."""
    found = check_readiness(FakeServer(), FakeSpool(depth))
    assert (found.is_ready, found.warnings, found.depth) == (True, (warning,), depth)


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
    (reason,) = check_readiness(FakeServer(info=DURABLE | fact), FakeSpool()).reasons
    assert word in reason


def test_an_eviction_policy_without_a_limit_evicts_nothing():
    """It is no reason while maxmemory is not set."""
    assert check_readiness(FakeServer(info=DURABLE | {"maxmemory_policy": "allkeys-lru"}), FakeSpool()).is_ready


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
    found = check_readiness(server, FakeSpool())
    assert found.is_ready
    assert word in " ".join(found.warnings)


@pytest.mark.parametrize(
    ("server", "spool", "code", "told"),
    [
        (FakeServer(), FakeSpool(), 200, {"events": 0, "bytes": 0, "oldest_seconds": 0.0}),
        (FakeServer(), FakeSpool(Depth(3, 900, 1.5, 0)), 200, {"events": 3, "bytes": 900, "oldest_seconds": 1.5}),
        (FakeServer(write=ConnectionError("10.1.2.3:6379 refused")), UNUSABLE, 503, None),
    ],
)
def test_readiness_is_told_in_json(settings, redis, monkeypatch, lines, server, spool, code, told):
    """The code is for load balancers, lists and numbers are for people; a check is not logged."""
    monkeypatch.setattr("ingest.app.check_readiness", lambda *_: check_readiness(server, spool))
    answer = create_app(settings, redis).test_client().get("/readyz")
    assert (code, code == 200, told) == (answer.status_code, answer.json["ready"], answer.json["spool"])
    assert {"ready", "reasons", "warnings", "spool"} == set(answer.json)
    assert lines() == []


def test_the_check_leaves_nothing_in_redis(client, redis):
    """Asking whether it can write writes nothing."""
    assert client.get("/readyz").status_code == 200
    assert redis.dbsize() == 0
