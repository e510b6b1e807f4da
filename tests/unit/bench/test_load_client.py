"""The lean HTTP client: answers in any pieces."""

import asyncio

import pytest

from bench.load.client import HttpConnection, ServerGone, write_request

ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}"


class Pipe(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self):
        super().__init__()
        self.written = b""

    def write(self, data):
        self.written += data


async def ask(*pieces):
    """Send a request and let the answer arrive in pieces."""
    connection, pipe = HttpConnection(), Pipe()
    connection.connection_made(pipe)
    sending = asyncio.ensure_future(connection.send(b"request"))
    await asyncio.sleep(0)
    for piece in pieces:
        connection.data_received(piece)
    if not pieces:
        connection.connection_lost(None)
    return await sending


@pytest.mark.parametrize("cut", range(1, len(ANSWER)))
def test_an_answer_may_arrive_in_pieces(cut):
    """Wherever the network cuts it."""
    assert asyncio.run(ask(ANSWER[:cut], ANSWER[cut:])) == 202


def test_a_connection_that_breaks_is_told():
    """Nobody waits for an answer that cannot come."""
    with pytest.raises(ServerGone):
        asyncio.run(ask())


def test_a_request_tells_its_length_and_the_secret():
    """What the ingest asks for."""
    request = write_request("/path", "key", b"body")

    assert request.startswith(b"POST /path HTTP/1.1\r\n")
    assert b"Content-Length: 4\r\n" in request
    assert b"x-interactly-secret: key\r\n" in request
    assert request.endswith(b"\r\n\r\nbody")
