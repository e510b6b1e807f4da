"""The spool with real processes and a real Valkey that stops, hangs, refuses and returns."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import TimeoutError  # noqa: A004

from earshot.children import wait_until
from ingest.punctuality import keep_deadlines, until
from ingest.spool import Depth, peek
from shared.event_records import load_event
from shared.publisher import event_id_of
from shared.redis_client import connect_redis
from tests.integration.test_ingest_server import PATIENCE_SECONDS, Ingest, event, is_alive
from tests.servers import EmbeddedServers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")


class SpoolingIngest(Ingest):
    """An ingest whose processes all end with the context: none of them drains into the Valkey of the next test."""

    def __exit__(self, *failure: object) -> None:
        kill(self)
        super().__exit__(*failure)


def kill(ingest: Ingest) -> None:
    """End all processes of an ingest by SIGKILL, as a power cut would."""
    workers = ingest.workers() if ingest.process.poll() is None else set()
    for pid in (ingest.process.pid, *workers):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    ingest.process.wait()
    assert wait_until(lambda: not any(map(is_alive, workers)), PATIENCE_SECONDS)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the ingest of this test keeps its spool."""
    return tmp_path / "spool"


@pytest.fixture
def start(servers: EmbeddedServers, redis: Redis, directory: Path) -> Callable[..., Ingest]:
    """Make an ingest on the tests' Valkey, which is empty and in order before and after the test."""
    usual = {"SPOOL_DIR": str(directory), "PUBLISH_SECONDS": "0.5"}
    return lambda **variables: SpoolingIngest(servers.redis_url, **usual, **variables)


@contextmanager
def stopped(servers: EmbeddedServers) -> Iterator[None]:
    """Have no Valkey."""
    servers.stop("valkey")
    try:
        yield
    finally:
        servers.start("valkey")


@contextmanager
def hung(servers: EmbeddedServers) -> Iterator[None]:
    """Have a Valkey that accepts connections and never answers."""
    os.kill(servers.pid("valkey"), signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(servers.pid("valkey"), signal.SIGCONT)


@contextmanager
def configured(redis: Redis, name: str, value: str, usual: str) -> Iterator[None]:
    redis.config_set(name, value)
    try:
        yield
    finally:
        redis.config_set(name, usual)


@contextmanager
def replica(redis: Redis) -> Iterator[None]:
    redis.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        redis.replicaof("NO", "ONE")


@contextmanager
def stopped_or(kind: str, servers: EmbeddedServers, redis: Redis) -> Iterator[None]:
    """Have a Valkey with one of its illnesses."""
    illnesses = {
        "stopped": lambda: stopped(servers),
        "hung": lambda: hung(servers),
        "out of memory": lambda: configured(redis, "maxmemory", "1", "0"),
        "read-only": lambda: replica(redis),
        "too few replicas": lambda: configured(redis, "min-replicas-to-write", "1", "0"),
    }
    with illnesses[kind]():
        yield


def post(ingest: Ingest, *names: object) -> list[tuple[int, str]]:
    """Post events over one connection; give the codes and statuses."""
    with ingest.connect() as connection:
        answers = [connection.post(event(name)) for name in names]
    return [(code, answer.get("status", "")) for code, answer in answers]


def readiness(ingest: Ingest) -> tuple[int, dict]:
    with ingest.connect() as connection:
        connection.send(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        code, answer = connection.read_answer()
    return code, dict(answer)


def queued(redis: Redis) -> list[str]:
    return [entry.decode().removesuffix("-lifecycle") for entry in redis.lrange("rq:queue:lifecycle", 0, -1)]


def ids(*names: object) -> list[str]:
    return [event_id_of(event(name)) for name in names]


@pytest.mark.parametrize("kind", ["stopped", "hung", "out of memory", "read-only", "too few replicas"])
def test_an_ill_redis_loses_no_event(servers, redis, start, directory, kind):
    """The sender hears 202 in all cases; when Redis is well again every event is there once, whole, in order."""
    with start() as ingest:
        with stopped_or(kind, servers, redis):
            assert post(ingest, *range(8)) == [(202, "spooled")] * 8
            assert peek(directory).events == 8
        assert wait_until(lambda: peek(directory).events == 0, PATIENCE_SECONDS), ingest.log
        assert queued(redis) == ids(*range(8))
        assert [load_event(redis, event_id).body for event_id in ids(*range(8))] == [event(name) for name in range(8)]
        assert wait_until(lambda: "spool.emptied events=8" in ingest.log, PATIENCE_SECONDS)
        assert post(ingest, "after") == [(202, "queued")]
        assert ingest.log.count("spool.began") == 1
        assert " ERROR " not in ingest.log


def test_killed_at_any_moment_nothing_is_lost(servers, redis, start, directory):
    """With Redis stopped, the ingest is killed -9 while events come in, thrice; all answered ones are published."""
    answered: list[str] = []
    with stopped(servers):
        for life in range(3):
            with start(INGEST_WORKERS="2") as ingest, ThreadPoolExecutor() as pool:
                for number in range(4):
                    pool.submit(posting, ingest, f"{life}-{number}", answered)
                assert wait_until(lambda life=life: len(answered) > 40 * (life + 1), PATIENCE_SECONDS), ingest.log
                kill(ingest)
        assert peek(directory).events >= len(set(answered))
    with start():
        assert wait_until(lambda: peek(directory).events == 0, PATIENCE_SECONDS)
        there = queued(redis)
    assert set(answered) <= set(there)
    assert len(there) == len(set(there))


def posting(ingest: Ingest, name: str, answered: list[str]) -> None:
    """Post events one after the other until the server is gone; note each that was accepted."""
    with suppress(OSError), ingest.connect() as connection:
        for number in range(10_000):
            code, answer = connection.post(event(f"{name}-{number}"))
            assert code == 202
            answered.append(answer["event_id"])


def test_stopping_answers_what_is_in_flight(servers, start, directory):
    """After SIGTERM each answered event is in the spool, and the process ends well."""
    answered: list[str] = []
    with stopped(servers), start() as ingest, ThreadPoolExecutor() as pool:
        for number in range(4):
            pool.submit(posting, ingest, f"client-{number}", answered)
        assert wait_until(lambda: len(answered) > 40, PATIENCE_SECONDS)
        ingest.process.send_signal(signal.SIGTERM)
        assert ingest.process.wait(PATIENCE_SECONDS) == 0
    assert peek(directory).events >= len(set(answered)) > 40


def test_processes_share_a_spool(servers, redis, start, directory):
    """Events spooled by three processes are published once each, whoever drains."""
    names = [f"{client}-{number}" for client in range(6) for number in range(10)]
    with start(INGEST_WORKERS="3") as ingest:
        with stopped(servers), ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda name: post(ingest, name), names))
            assert answers == [[(202, "spooled")]] * len(names)
        assert wait_until(lambda: peek(directory).events == 0, PATIENCE_SECONDS)
        assert sorted(queued(redis)) == sorted(ids(*names))
        assert wait_until(lambda: ingest.log.count("spool.ended") == ingest.log.count("spool.began"), PATIENCE_SECONDS)
        assert {post(ingest, f"after-{number}")[0] for number in range(20)} == {(202, "queued")}


def test_readiness_tells_of_the_spool(servers, start):
    """While Redis is away the ingest is ready, says why it is not at its best, and how much waits since when."""
    with start() as ingest:
        with stopped(servers):
            post(ingest, *range(3))
            code, answer = readiness(ingest)
            assert (code, answer["ready"], answer["reasons"]) == (200, True, [])
            assert answer["warnings"] == ["Redis cannot be reached", "events wait in the spool"]
            assert answer["spool"]["events"] == 3
            assert answer["spool"]["bytes"] > 0
            assert 0 < answer["spool"]["oldest_seconds"] < 60
        empty = {"events": 0, "bytes": 0, "oldest_seconds": 0.0}
        assert wait_until(lambda: readiness(ingest)[1]["spool"] == empty, PATIENCE_SECONDS)


def test_a_full_spool_refuses(servers, start):
    """With Redis away and no room left the sender is told to come again; it ends when Redis returns."""
    large = json.dumps({"message": {"type": "status-update", "call": {"id": "WC-1"}, "x": os.urandom(130_000).hex()}})
    with start(SPOOL_MAX_BYTES=str(1024 * 1024)) as ingest:
        with stopped(servers), ingest.connect() as connection:
            codes = [connection.post(large.replace("WC-1", f"WC-{number}").encode())[0] for number in range(10)]
            assert codes == sorted(codes)
            assert set(codes) == {202, 503}
            assert "reason=spool:full" in ingest.log
        names = count()
        assert wait_until(lambda: post(ingest, f"after-{next(names)}") == [(202, "queued")], PATIENCE_SECONDS)


def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_told(servers, redis):
    """However many waits a command consists of: an old connection, a new one, and what follows on it."""
    client = keep_deadlines(connect_redis(servers.redis_url, 30))
    client.ping()
    with hung(servers):
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(TimeoutError), until(began + 0.3):
                client.ping()
            assert 0.25 < time.monotonic() - began < 5
    assert client.ping()
    with pytest.raises(TimeoutError), until(time.monotonic() - 1):
        client.ping()
    assert client.ping()
    client.close()


def test_the_spool_lies_in_the_data_directory(servers, redis, tmp_path):
    """`earshot ingest --data-dir D` keeps it in D/spool unless SPOOL_DIR says otherwise."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "REDIS_URL": servers.redis_url,
        "WEBHOOK_SECRETS": "s",
        "PORT": str(port),
        "PATH": os.environ["PATH"],
    }
    command = [sys.executable, "-m", "earshot", "ingest", "--data-dir", str(tmp_path / "data")]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            assert wait_until(lambda: peek(tmp_path / "data/spool") == Depth(0, 0, 0.0, 0), PATIENCE_SECONDS)
        finally:
            process.send_signal(signal.SIGTERM)
