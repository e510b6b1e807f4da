"""Post to a receiver that may be anybody: no redirect, no proxy, no cookie, an answer of bounded size, one deadline."""

import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from urllib.parse import SplitResult, urlsplit

import httpcore

from shared.errors import NotDelivered, NotTaken, Undeliverable
from workers.delivery.connection import connect, connection_faults_told, fault_of
from workers.delivery.deadline import Deadline
from workers.delivery.guard import Guard

PORTS = {"http": 80, "https": 443}
USER_AGENT = f"Earshot/{version('earshot')}"
# The status is what counts; so much of what follows it is taken, since some receivers mind when nobody listens.
MOST_BYTES = 64 * 1024

SUCCESS = range(200, 300)
REDIRECTS = range(300, 400)
# By this a receiver says that it is no more, and will not be. Any other answer may be another one in a minute: that of
# a proxy while what is behind it starts, or of a receiver whose secret is being changed.
GONE = 410

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Post:
    """What is posted where."""

    url: str
    headers: Mapping[str, str]
    body: bytes


def send_post(post: Post, guard: Guard, deadline: Deadline) -> str:
    """Post, and give the status of an answer of success. Raises NotDelivered and Undeliverable."""
    parts = urlsplit(post.url)
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
        raise Undeliverable("the receiver's address is none to post to")
    connection = connect(parts.hostname, parts.port or PORTS[parts.scheme], guard, deadline)
    with connection, deadline.cutting(connection):
        status, headers = _exchange(post, parts, connection, deadline)
    judge(status, headers)
    return str(status)


def judge(status: int, headers: Headers) -> None:
    """Decide by an answer. Raises NotTaken or NotDelivered where another attempt may help, Undeliverable where not."""
    if status in SUCCESS:
        return
    if status == GONE:
        raise Undeliverable(f"the receiver answered {status}")
    if pause_seconds := _pause_asked(headers):
        # Who asks for a pause speaks of itself, not of this notice.
        raise NotDelivered(f"the receiver answered {status}", pause_seconds)
    hint = ", and redirects are not followed" if status in REDIRECTS else ""
    raise NotTaken(f"the receiver answered {status}{hint}")


class _Stream(httpcore.NetworkStream):
    """A connected socket, as httpcore takes it; its time limit is kept elsewhere. A request goes out in one piece."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._unsent = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        del timeout
        self._send()
        return self._connection.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        self._unsent += buffer

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, b""
        # Who answers before it has read everything may have hung up already; its answer is there all the same.
        with suppress(ConnectionError):
            self._connection.sendall(unsent)

    def close(self) -> None:
        self._connection.close()


def _exchange(post: Post, parts: SplitResult, connection: socket.socket, deadline: Deadline) -> tuple[int, Headers]:
    with connection_faults_told(deadline):
        try:
            return _ask(post, parts, _encrypted(connection, parts))
        except httpcore.LocalProtocolError:
            raise Undeliverable("the receiver's address is none to post to") from None
        except httpcore.RemoteProtocolError as error:
            reason = fault_of(error, deadline) if deadline.is_over else "the receiver's answer is no HTTP"
            raise NotDelivered(reason) from None


def _encrypted(connection: socket.socket, parts: SplitResult) -> socket.socket:
    if parts.scheme != "https":
        return connection
    return ssl.create_default_context().wrap_socket(connection, server_hostname=parts.hostname)


def _ask(post: Post, parts: SplitResult, connection: socket.socket) -> tuple[int, Headers]:
    host = (parts.hostname or "").encode()
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    url = httpcore.URL(scheme=parts.scheme.encode(), host=host, port=parts.port, target=target)
    asked = {"Host": parts.netloc, "User-Agent": USER_AGENT, "Connection": "close", **post.headers}
    exchange = httpcore.HTTP11Connection(url.origin, _Stream(connection))
    try:
        with exchange.stream("POST", url, headers=list(asked.items()), content=post.body) as response:
            _take_some(response)
            return response.status, response.headers
    finally:
        exchange.close()


def _take_some(response: httpcore.Response) -> None:
    taken = 0
    try:
        for part in response.iter_stream():
            taken += len(part)
            if taken >= MOST_BYTES:
                return
    except (OSError, httpcore.ProtocolError):
        return  # that it was taken has been said


def _pause_asked(headers: Headers) -> float:
    """Read how many seconds the receiver asks for; 0 where it does not, or nobody can read it."""
    asked = next((value.decode("latin-1") for name, value in headers if name.lower() == b"retry-after"), "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked[:9])
    try:
        return max((parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds(), 0)
    except (ValueError, TypeError):
        return 0
