"""The ingest as it is served: real processes, real sockets, a real Valkey."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis

from earshot.children import wait_until
from shared.event_records import load_event, record_key
from tests.servers import EmbeddedServers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

SECRET = "a-secret-for-the-tests"
MAX_BODY_BYTES = 300_000
PATIENCE_SECONDS = 10.0
SERVE = "from ingest.server import serve; from shared.settings import load_settings; serve(load_settings())"


class Ingest:
    """An ingest of its own, on a free port unless told one; killed when the context ends."""

    def __init__(self, redis_url: str, port: int | None = None, **variables: str) -> None:
        self.port = port or free_port()
        self._written = tempfile.NamedTemporaryFile(prefix="ingest-")  # noqa: SIM115 - closed in __exit__
        self._spool = tempfile.TemporaryDirectory(prefix="ingest-spool-", ignore_cleanup_errors=True)
        self.environment = os.environ | {
            "REDIS_URL": redis_url,
            "WEBHOOK_SECRETS": SECRET,
            "MAX_BODY_BYTES": str(MAX_BODY_BYTES),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "SPOOL_DIR": self._spool.name,
            **variables,
        }

    def __enter__(self) -> "Ingest":
        self.process = subprocess.Popen([sys.executable, "-c", SERVE], env=self.environment, stderr=self._written)
        if not wait_until(self.is_healthy, PATIENCE_SECONDS):
            told = self.log
            self.__exit__()
            pytest.fail(f"the ingest did not start:\n{told}")
        return self

    def __exit__(self, *_failure: object) -> None:
        self.process.kill()
        self.process.wait()
        self._written.close()
        self._spool.cleanup()

    @property
    def log(self) -> str:
        return Path(self._written.name).read_text()

    def is_healthy(self) -> bool:
        try:
            with self.connect() as connection:
                connection.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                return connection.read_answer()[0] == 200
        except OSError:
            return False

    def connect(self) -> "Connection":
        return Connection(self.port)

    def workers(self) -> set[int]:
        pid = self.process.pid
        return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


class Connection:
    """A client that can send what no HTTP library would."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_failure: object) -> None:
        self._answers.close()
        self._socket.close()

    def send(self, raw: bytes) -> None:
        self._socket.sendall(raw)

    def stop_sending(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def post(self, body: bytes, *headers: str, length: int | None = None) -> tuple[int, dict[str, str]]:
        self.send(request(body, *headers, length=length))
        return self.read_answer()

    def read_answer(self) -> tuple[int, dict[str, str]]:
        """Give the status and the content of the next answer. Raises ConnectionError at the end of them."""
        status = self._answers.readline()
        if not status:
            raise ConnectionError("no answer")
        length = 0
        while line := self._answers.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        content = self._answers.read(length)
        return int(status.split()[1]), json.loads(content) if content else {}

    def read_all(self) -> bytes:
        """Read until the server closes the connection."""
        return self._answers.read()

    def is_closed(self) -> bool:
        """Wait for the server to say more or to close, and tell whether it closed."""
        try:
            return self._answers.peek(1) == b""
        except ConnectionResetError:
            return True


def request(body: bytes, *headers: str, length: int | None = None) -> bytes:
    """Write a webhook as HTTP; `length` is what its Content-Length says, if not the truth."""
    lines = [
        "POST /webhooks/interactly HTTP/1.1",
        "Host: x",
        f"x-interactly-secret: {SECRET}",
        "Content-Type: application/json",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def event(name: object, size: int = 0) -> bytes:
    """Build the body of an event of at least this size."""
    message = {"type": "status-update", "call": {"id": f"WC-{name}"}}
    return json.dumps({"message": message}).encode().ljust(size)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def shared_ingest(servers: EmbeddedServers) -> Iterator[Ingest]:
    """One ingest for the tests that leave it as it was."""
    with Ingest(servers.redis_url) as running:
        yield running


@pytest.fixture
def ingest(shared_ingest: Ingest, redis: Redis) -> Ingest:
    """The shared ingest, with nothing in Redis."""
    return shared_ingest


def test_an_event_goes_in(ingest, redis):
    """A webhook over a real socket is in a real Valkey when it is answered."""
    with ingest.connect() as connection:
        status, answer = connection.post(event("whole"))
    assert (status, answer["status"]) == (202, "queued")
    assert load_event(redis, answer["event_id"]).body == event("whole")
    assert redis.llen("rq:queue:lifecycle") == 1


@pytest.mark.parametrize("size", [MAX_BODY_BYTES - 1, MAX_BODY_BYTES])
def test_the_largest_body_goes_in_whole(ingest, redis, size):
    """A body up to the limit is stored to the last byte."""
    with ingest.connect() as connection:
        status, answer = connection.post(event("large", size))
    assert (status, len(load_event(redis, answer["event_id"]).body)) == (202, size)


@pytest.mark.parametrize("length", [MAX_BODY_BYTES + 1, 10**15])
def test_a_body_over_the_limit_is_answered_before_it_is_sent(ingest, redis, length):
    """The headers are enough for the answer."""
    with ingest.connect() as connection:
        status, answer = connection.post(b"", length=length)
        assert (status, list(answer), redis.dbsize()) == (413, ["error"], 0)


@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 20_000_000])
def test_a_client_that_sends_everything_at_once_reads_the_refusal(ingest, size):
    """A sender that looks for an answer only when all is sent finds it, however large the body."""
    with ingest.connect() as connection:
        assert connection.post(event("large", size))[0] == 413
        assert connection.is_closed()


def test_refused_senders_that_stay_hold_no_more_than_their_share(ingest):
    """However many of them neither send nor close, threads remain for the others."""
    with ExitStack() as opened:
        for _ in range(20):
            assert opened.enter_context(ingest.connect()).post(b"", length=10**9)[0] == 413
        with ingest.connect() as connection:
            assert connection.post(event("meanwhile"))[0] == 202


@pytest.mark.parametrize("size", [20, 20_000_000])
def test_a_chunked_body_is_refused(ingest, redis, size):
    """Nobody can tell whether it was cut, so none of it is taken; whatever follows is not read as a request."""
    head = request(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    with ingest.connect() as connection:
        connection.send(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(event("a", size)), event("a", size)))
        status, answer = connection.read_answer()
    assert (status, list(answer)) == (400, ["error"])
    assert "chunked" in answer["error"]
    assert redis.dbsize() == 0


def test_a_length_beside_chunks_does_not_count(ingest, redis):
    """Two contradicting lengths, the stuff of request smuggling, are refused."""
    head = request(b"", "Transfer-Encoding: chunked", length=5)
    with ingest.connect() as connection:
        connection.send(head + b"14\r\n%b\r\n0\r\n\r\n" % event("a", 20)[:20])
        assert connection.read_answer()[0] == 400
        assert connection.is_closed()
    assert redis.dbsize() == 0


def test_a_body_that_ends_early_is_refused_and_kept(ingest, redis):
    """What is shorter than its Content-Length waits in quarantine."""
    with ingest.connect() as connection:
        connection.send(request(event("short"), length=5000))
        connection.stop_sending()
        status, answer = connection.read_answer()
    assert (status, load_event(redis, answer["event_id"]).reason) == (400, "truncated")


def test_a_client_that_goes_away_halfway_leaves_its_part_in_quarantine(ingest, redis):
    """Nobody hears the answer, but what came is kept."""
    with ingest.connect() as connection:
        connection.send(request(event("gone"), length=5000))
    assert wait_until(lambda: redis.llen("rq:queue:quarantine") == 1, PATIENCE_SECONDS)


def test_a_stranger_is_refused_before_the_body_comes(ingest):
    """A wrong secret is answered at the end of the headers, so a stranger cannot hold a thread by a slow body."""
    with ingest.connect() as connection:
        connection.send(request(b"", length=1000).replace(SECRET.encode(), b"wrong"))
        assert connection.read_answer()[0] == 401


@pytest.mark.parametrize("secret", ["sécret", "\udcff\udcfe", ""])
def test_a_secret_in_other_characters_is_a_strangers(ingest, secret):
    """Bytes that are no ASCII in the header are refused like any wrong secret."""
    raw = request(event("x")).replace(SECRET.encode(), secret.encode(errors="surrogateescape"))
    with ingest.connect() as connection:
        connection.send(raw)
        assert connection.read_answer()[0] == 401


@pytest.mark.parametrize("refused", [b"{", b'{"event": 1}', b""])
def test_a_connection_is_used_again_after_an_answer(ingest, refused):
    """After an error as after a success, the next request on the connection is read from its beginning."""
    with ingest.connect() as connection:
        connection.post(refused)
        assert connection.post(event("next"))[1]["status"] == "queued"


@pytest.mark.parametrize("size", [0, 2000, 200_000])
def test_an_unread_body_is_never_taken_for_a_request(ingest, redis, size):
    """After a refusal without reading, the server skips the body or closes, even when the body looks like a request."""
    smuggled = request(event("smuggled")).ljust(size)
    stranger = request(smuggled).replace(SECRET.encode(), b"wrong", 1)
    with ingest.connect() as connection:
        connection.send(stranger + request(event("honest")))
        assert connection.read_answer()[0] == 401
        honest = 0 if connection.is_closed() else 1
        assert honest == 0 or connection.read_answer()[0] == 202
    assert redis.llen("rq:queue:lifecycle") == honest


def test_pipelined_requests_are_answered_in_order(ingest):
    """Several requests sent at once get an answer each, good and bad."""
    bodies = [event(1), b"{", event(2), b'{"event": 1}', event(1)]
    with ingest.connect() as connection:
        connection.send(b"".join(map(request, bodies)))
        assert [connection.read_answer()[0] for _ in bodies] == [202, 400, 202, 202, 202]


def test_http_1_0_is_understood(ingest):
    """An old client is answered, and its connection closed."""
    with ingest.connect() as connection:
        connection.send(request(event("old")).replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert connection.read_answer()[0] == 202
        assert connection.is_closed()


@pytest.mark.parametrize(
    "raw", [b"\x00\xff\xfe\x16\x03\x01 garbage\r\n\r\n", b"POST\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_what_is_no_http_is_refused(ingest, raw):
    """Binary garbage ends its own connection and nothing else."""
    with ingest.connect() as connection:
        connection.send(raw)
        assert connection.read_all().split(b"\r\n")[0] in {b"", b"HTTP/1.1 400 Bad Request"}
    assert ingest.is_healthy()


def test_half_open_requests_do_not_keep_others_waiting(ingest):
    """Forty connections that stop in the middle of their headers, more than there are threads, hold nobody up."""
    with ExitStack() as opened:
        for _ in range(40):
            opened.enter_context(ingest.connect()).send(request(b"")[:60])
        started = time.monotonic()
        with ingest.connect() as connection:
            assert connection.post(event("meanwhile"))[0] == 202
        assert time.monotonic() - started < 2


def test_slow_bodies_hold_only_their_own_threads(ingest):
    """With a thread to spare, others are served while bodies trickle in, and these are accepted in the end."""
    whole = request(event("slow"))
    with ExitStack() as opened:
        slow = [opened.enter_context(ingest.connect()) for _ in range(7)]
        for connection in slow:
            connection.send(whole[:-1])
        with ingest.connect() as connection:
            assert connection.post(event("meanwhile"))[0] == 202
        for connection in slow:
            connection.send(whole[-1:])
        assert {connection.read_answer()[0] for connection in slow} == {202}


def test_readiness_is_told_over_http(ingest):
    """The Valkey of the tests is ready; its weaker durability is told as a warning."""
    with ingest.connect() as connection:
        connection.send(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        status, answer = connection.read_answer()
    assert (status, answer["ready"], answer["reasons"]) == (200, True, [])


def test_without_redis_the_ingest_starts_and_says_so(tmp_path):
    """It is alive and ready, tells what is wrong, and keeps a webhook in its spool."""
    with Ingest(f"unix://{tmp_path}/nobody.sock") as ingest, ingest.connect() as connection:
        connection.send(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        code, told = connection.read_answer()
        assert (code, told["ready"], told["warnings"]) == (200, True, ["Redis cannot be reached"])
        code, answer = connection.post(event("x"))
        assert (code, answer["status"]) == (202, "spooled")


def test_without_redis_and_spool_the_ingest_starts_and_says_so(tmp_path):
    """It is alive but not ready, and a webhook is asked to come again."""
    (tmp_path / "file").touch()
    nowhere = f"unix://{tmp_path}/nobody.sock"
    with Ingest(nowhere, SPOOL_DIR=f"{tmp_path}/file/spool") as ingest, ingest.connect() as connection:
        connection.send(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        reasons = ["Redis cannot be reached", "the spool cannot be written"]
        told = {"ready": False, "reasons": reasons, "warnings": [], "spool": None}
        assert connection.read_answer() == (503, told)
        assert connection.post(event("x"))[0] == 503
        assert ingest.log.count("spool.failed") == 1


def posting(ingest: Ingest, name: str, answered: list[str]) -> None:
    """Post events, one after the other, until the server is gone; note each that was accepted."""
    try:
        with ingest.connect() as connection:
            for number in range(100_000):
                status, answer = connection.post(event(f"{name}-{number}", 4000))
                assert status == 202
                answered.append(answer["event_id"])
    except OSError:
        return


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_stopping_under_load_loses_no_answered_event(servers, redis, stop):
    """What was answered before and during the stop is in Redis; the process ends well and at once, saying so."""
    answered: list[str] = []
    with Ingest(servers.redis_url, INGEST_WORKERS="2") as ingest, ThreadPoolExecutor() as pool:
        clients = [pool.submit(posting, ingest, f"{stop.name}-{number}", answered) for number in range(6)]
        assert wait_until(lambda: len(answered) > 200, PATIENCE_SECONDS)
        ingest.process.send_signal(stop)
        assert ingest.process.wait(PATIENCE_SECONDS) == 0
        for client in clients:
            client.result(PATIENCE_SECONDS)
        assert ingest.log.count("ingest.started") == ingest.log.count("ingest.stopped") == 1
        assert " ERROR " not in ingest.log
    assert len(answered) == redis.exists(*map(record_key, answered))


def test_a_request_in_flight_is_answered_before_the_end(servers, redis):
    """A body that is still coming when the stop is asked for is accepted."""
    whole = request(event("late"))
    with Ingest(servers.redis_url) as ingest, ingest.connect() as connection:
        connection.send(whole[:-1])
        assert wait_until(lambda: has_read_all(ingest.port), PATIENCE_SECONDS)
        ingest.process.terminate()
        assert wait_until(lambda: not is_listening(ingest.port), PATIENCE_SECONDS)
        connection.send(whole[-1:])
        assert connection.read_answer()[0] == 202
        assert ingest.process.wait(PATIENCE_SECONDS) == 0
    assert redis.llen("rq:queue:lifecycle") == 1


def sockets_of(port: int) -> list[list[str]]:
    """List the system's TCP sockets bound to this port, as /proc tells them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row for row in rows if row[1].endswith(f":{port:04X}")]


def is_listening(port: int) -> bool:
    return any(row[3] == "0A" for row in sockets_of(port))


def has_read_all(port: int) -> bool:
    established = [row[4] for row in sockets_of(port) if row[3] == "01"]
    return bool(established) and all(queues.endswith(":00000000") for queues in established)


def test_killing_the_main_process_leaves_nothing(servers, redis):
    """Its workers end with it by themselves, and another ingest can have the port."""
    with Ingest(servers.redis_url, INGEST_WORKERS="2") as ingest, ingest.connect() as idle:
        idle.post(event("before"))
        workers = ingest.workers()
        ingest.process.kill()
        ingest.process.wait()
        assert wait_until(lambda: not any(map(is_alive, workers)), PATIENCE_SECONDS)
        assert not is_listening(ingest.port)
        with Ingest(servers.redis_url, ingest.port) as successor:
            assert successor.is_healthy()


def test_a_worker_that_dies_is_replaced(servers, redis):
    """The ingest goes on with another worker process."""
    with Ingest(servers.redis_url) as ingest:
        (worker,) = ingest.workers()
        os.kill(worker, signal.SIGKILL)
        assert wait_until(lambda: bool(ingest.workers() - {worker}) and ingest.is_healthy(), PATIENCE_SECONDS)
        with ingest.connect() as connection:
            assert connection.post(event("after"))[0] == 202


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (lambda port: {"PORT": str(port)}, "another program uses this port"),
        (lambda _port: {"HOST": "192.0.2.1"}, "Cannot listen on 192.0.2.1"),
        (lambda _port: {"WEBHOOK_SECRETS": ""}, "WEBHOOK_SECRETS"),
        (lambda _port: {"REDIS_URL": ""}, "REDIS_URL"),
    ],
    ids=["port taken", "foreign address", "no secret", "no Redis"],
)
def test_what_keeps_it_from_starting_is_told(ingest, variables: Callable[[int], dict[str, str]], told):
    """It ends with status 1 and names the cause last, and a taken port is not shared in silence."""
    ended = subprocess.run(
        [sys.executable, "-c", SERVE],
        env=ingest.environment | {"PORT": str(free_port())} | variables(ingest.port),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ended.returncode == 1
    assert told in ended.stderr.splitlines()[-1]
    assert SECRET not in ended.stderr
