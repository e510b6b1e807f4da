"""A lean HTTP client for asyncio: one request at a time on a connection that is kept."""

import asyncio
import re

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"


class ServerGone(ConnectionError):
    """The server closed the connection before it had answered."""


class HttpConnection(asyncio.Protocol):
    """Sends a request that is already written out, and gives the status of the answer."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_connection makes no other
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(exc or ServerGone())

    def data_received(self, data: bytes) -> None:
        """Collect the answer until its body is whole."""
        self._received += data
        head, end, body = self._received.partition(_HEAD_END)
        length = _LENGTH.search(head + b"\r\n")
        if end and len(body) >= int(length.group(1) if length else 0) and self._answer:
            status, self._received = int(head[9:12]), b""
            self._answer.set_result(status)

    async def send(self, request: bytes) -> int:
        """Send a request and wait for the status."""
        if not self._transport:
            raise ServerGone
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Let go of the connection."""
        if self._transport:
            self._transport.close()


async def connect(port: int) -> HttpConnection:
    """Connect to a server on the loopback."""
    _, connection = await asyncio.get_running_loop().create_connection(HttpConnection, "127.0.0.1", port)
    return connection


def write_request(path: str, secret: str, body: bytes) -> bytes:
    """Write a webhook out, head and body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"x-interactly-secret: {secret}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
