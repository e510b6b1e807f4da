"""Receivers that are slow or hostile: each costs a bounded time and memory, and nobody else anything."""

import gzip
import socket
import threading
import time

import psutil
import pytest

from shared.dead_letters import DeadLetters
from shared.errors import NotDelivered, NotTaken, Undeliverable
from shared.filters import DeadLetterFilter
from shared.settings import Settings
from tests.notices import LOOPBACK, SECRET, Desk
from tests.programs import program, wait_for
from tests.receivers import raw_receiver, server_context, trust_authority
from workers.delivery.deadline import Deadline
from workers.delivery.guard import Guard
from workers.delivery.posting import Post, send_post

LOOPBACK_NETWORKS = Settings(alert_allowed_networks="127.0.0.0/8").alert_allowed_networks
GUARD = Guard(LOOPBACK_NETWORKS)
SECONDS = 0.5
# What lies in the buffers of two sockets counts as sent.
MOST_SENT = 32 * 1024 * 1024
CHUNK = b"x" * 65536
released = threading.Event()


def heard(connection: socket.socket) -> None:
    """Read a request to its end."""
    request = b""
    while b"\r\n\r\n" not in request or not request.endswith(b"}"):
        request += connection.recv(65536)


def pour(connection: socket.socket, head: bytes, chunk: bytes = CHUNK) -> int:
    """Answer without an end; gives how much was taken."""
    heard(connection)
    connection.sendall(head)
    sent = 0
    try:
        while sent < 1024 * MOST_SENT:
            sent += connection.send(chunk)
    except OSError:
        return sent
    return sent


def drip(connection: socket.socket, answer: bytes, head: bytes = b"") -> None:
    """Answer one byte at a time, for as long as anybody listens."""
    heard(connection)
    connection.sendall(head)
    for place in range(len(answer)):
        connection.sendall(answer[place : place + 1])
        time.sleep(0.05)


def answer_with(answer: bytes):
    """Answer so, and hang up."""

    def treat(connection: socket.socket) -> None:
        heard(connection)
        connection.sendall(answer)
        connection.close()

    return treat


HANGS_UP = "closes at once"
TREATMENTS = {
    "endless headers": lambda c: pour(c, b"HTTP/1.1 200 OK\r\nA: "),
    "endless informational answers": lambda c: pour(c, b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000),
    "drips headers": lambda c: drip(c, b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000),
    "never answers": lambda c: heard(c) or released.wait(20),
    "never even reads": lambda _: released.wait(20),
    HANGS_UP: lambda c: c.close(),
    "no HTTP": answer_with(b"\x00\xff\xfe garbage \r\n\r\n"),
    "SMTP": answer_with(b"220 mail.example ESMTP\r\n"),
    "half an answer": answer_with(b"HTTP/1.1 200"),
}
ACCEPTED = {
    "endless body": lambda c: pour(c, b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
    "endless chunks": lambda c: pour(c, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 9999),
    "drips a body": lambda c: drip(c, b"x" * 5000, b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"),
    "a gzip bomb": answer_with(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(50 * 1024 * 1024))
    ),
}


def post(port: int, scheme: str = "http", host: str = "127.0.0.1") -> str:
    """Post to a port of this machine."""
    return send_post(Post(f"{scheme}://{host}:{port}/secret", {}, b"{}"), GUARD, Deadline(SECONDS))


@pytest.mark.parametrize("name", TREATMENTS)
def test_whoever_does_not_answer_is_left_alone(name):
    """However a receiver behaves, the attempt ends with its deadline, and as one that can be repeated."""
    with raw_receiver(TREATMENTS[name]) as port, pytest.raises(NotDelivered) as failure:
        post(port)
    assert "secret" not in str(failure.value)
    assert failure.value.__suppress_context__


@pytest.mark.parametrize("name", ACCEPTED)
def test_who_has_said_yes_need_not_be_listened_to(name):
    """The status counts: of whatever follows it only a little is taken."""
    with raw_receiver(ACCEPTED[name]) as port:
        assert post(port) == "200"


def test_an_endless_answer_is_not_read_to_its_end():
    """A receiver that pours out all it can gets rid of a bounded amount."""
    sent: list[int] = []
    with raw_receiver(lambda c: sent.append(pour(c, b"HTTP/1.1 500 No\r\n\r\n"))) as port, pytest.raises(NotDelivered):
        post(port)
    wait_for(lambda: sent)
    assert sent[0] < MOST_SENT


@pytest.mark.parametrize("size", [2, 8 * 1024 * 1024])
def test_an_answer_before_the_request_was_read_counts(size):
    """A receiver that answers at once and hangs up, the rest of the request unread, is told by its answer."""

    def treat(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.close()

    with raw_receiver(treat) as port, pytest.raises(NotTaken, match="413"):
        send_post(Post(f"http://127.0.0.1:{port}/", {}, b"x" * size), GUARD, Deadline(5))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_answer_may_take_all_the_time_there_is_however_many_addresses_there_are(scheme, monkeypatch, tmp_path):
    """The share of the time for connecting to one of the addresses limits nothing that comes after."""
    trust_authority(monkeypatch, tmp_path)
    context = server_context()
    guard = Guard(LOOPBACK_NETWORKS, lambda _: ["127.0.0.1"] * 100)

    def treat(connection: socket.socket) -> None:
        released.wait(0.2)
        line = context.wrap_socket(connection, server_side=True) if scheme == "https" else connection
        read_request(line)
        released.wait(0.2)
        line.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        line.close()

    with raw_receiver(treat) as port:
        assert send_post(Post(f"{scheme}://localhost:{port}/", {}, b"{}"), guard, Deadline(10)) == "204"


def test_a_certificate_that_is_not_trusted_is_not_spoken_to():
    """An encrypted connection to somebody else is none."""
    context = server_context()

    def greet(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True)

    with raw_receiver(greet) as port, pytest.raises(NotDelivered, match="no encrypted connection"):
        post(port, "https", "localhost")


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 400 Bad\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 99, b""])
def test_garbage_for_tls_is_a_failure_that_can_be_repeated(garbage):
    """What is no TLS ends the attempt."""

    def treat(connection: socket.socket) -> None:
        connection.sendall(garbage)
        connection.close()

    with raw_receiver(treat) as port, pytest.raises(NotDelivered):
        post(port, "https", "localhost")


def test_a_trusted_certificate_is_checked_against_the_hosts_name(monkeypatch, tmp_path):
    """The connection goes to an address; the certificate and the Host header are the name's."""
    trust_authority(monkeypatch, tmp_path)
    context = server_context()
    requests: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        encrypted = context.wrap_socket(connection, server_side=True)
        requests.append(read_request(encrypted))
        encrypted.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        encrypted.close()

    to_loopback = Guard(LOOPBACK_NETWORKS, lambda _: ["127.0.0.1"])
    with raw_receiver(serve) as port:
        url = f"https://localhost:{port}/"
        assert send_post(Post(url, {}, b"{}"), to_loopback, Deadline(5)) == "204"
        assert f"Host: localhost:{port}".encode() in requests[0]
        with pytest.raises(NotDelivered, match="SSLCertVerificationError"):
            send_post(Post(f"https://other.example:{port}/", {}, b"{}"), to_loopback, Deadline(5))


@pytest.mark.parametrize(
    ("head", "pause_seconds"),
    [
        (b"429 Slow down\r\nRetry-After: 40", 40),
        (b"503 Busy\r\nRetry-After: soon", 0),
        (b"503 Busy\r\nRetry-After: Wed, 21 Oct 2015 07:28:00 GMT", 0),
        (b"503 Busy\r\nRetry-After: " + b"9" * 4000, 999_999_999),
        (b"500 No", 0),
    ],
)
def test_a_receiver_may_ask_for_a_pause(head, pause_seconds):
    """Retry-After is read where it can be."""
    answer = answer_with(b"HTTP/1.1 " + head + b"\r\nContent-Length: 0\r\n\r\n")
    with raw_receiver(answer) as port, pytest.raises(NotDelivered) as failure:
        post(port)
    assert failure.value.pause_seconds == pause_seconds


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "http://user:password@127.0.0.1/", "http:///x", "file:///etc/passwd"]
)
def test_other_addresses_are_refused(url):
    """Nothing but http and https is spoken, and no password is sent in an address."""
    with pytest.raises(Undeliverable):
        send_post(Post(url, {}, b"{}"), GUARD, Deadline(SECONDS))


def test_a_worker_outlives_all_of_them(database, store, redis, settings_of_programs, tmp_path):
    """One worker meets each of them: dead letters tell of that, its memory stays, and the next notice arrives."""
    treatments = list(TREATMENTS.values())
    taken = threading.Event()

    def treat(connection: socket.socket) -> None:
        if treatments:
            treatments.pop(0)(connection)
            return
        heard(connection)
        taken.set()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    desk = Desk(database, store, redis, alert_attempts=1)
    for number in range(len(TREATMENTS) + 1):
        desk.raise_alert(number)
    with raw_receiver(treat) as port:
        alerting = {"ALERT_WEBHOOK_URL": f"http://127.0.0.1:{port}/", "ALERT_WEBHOOK_SECRET": SECRET}
        settings = {**settings_of_programs, **LOOPBACK, **alerting, "ALERT_TIMEOUT_SECONDS": "1"}
        with program("worker", "webhook", settings=settings, log=tmp_path / "log") as worker:
            desk.publish()
            wait_for(lambda: len(desk.state("delivered_at")) == 1, seconds=60)
            assert psutil.Process(worker.pid).memory_info().rss < 200 * 1024 * 1024
            assert worker.poll() is None
    assert taken.is_set()
    survey = DeadLetters(redis, Settings()).survey(DeadLetterFilter(stage="webhook"), 50)
    assert survey.total == len(TREATMENTS)
    assert {letter.error for letter in survey.letters} == {"NotDelivered"}


def read_request(connection: socket.socket) -> bytes:
    """Read up to the body's end: what is closed with something unread is reset, and the answer lost."""
    read = b""
    while not read.endswith(b"{}"):
        read += connection.recv(65536)
    return read
