"""Receivers of notices for tests: of webhooks, which answer as a test says or misbehave, and of e-mails."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default as policy
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import msgspec
import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

Misbehave = Callable[[socket.socket], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What was posted, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return msgspec.json.decode(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"


class HttpReceiver:
    """Keeps what is posted to it, in order, and answers as `answer_to` says: with `answer`.

    `on_request` is called before. What it answered with success is in `taken`, all else in `refused`.
    """

    def __init__(self) -> None:
        self.taken: list[Request] = []
        self.refused: list[Request] = []
        self.answer = Answer()
        self.answer_to: Callable[[Request], Answer] = lambda _: self.answer
        self.on_request: Callable[[], None] = lambda: None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/path-that-is-secret"

    def __enter__(self) -> "HttpReceiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = Request(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                receiver.on_request()
                answer = receiver.answer_to(request)
                (receiver.taken if answer.status < 300 else receiver.refused).append(request)
                with suppress(OSError):
                    self._write(answer)

            def _write(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def raw_receiver(misbehave: Misbehave) -> Iterator[int]:
    """Accept connections and let each be treated badly, in a thread of its own; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    opened: list[socket.socket] = []

    def treat(connection: socket.socket) -> None:
        with suppress(OSError):
            misbehave(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                opened.append(connection)
                threading.Thread(target=treat, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in opened:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


class _AnyPort(Controller):
    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class SmtpReceiver:
    """Keeps the e-mails that it takes; `reply` is what it says to each recipient."""

    def __init__(self, **options: Any) -> None:
        self.mails: list[Message] = []
        self.was_encrypted: list[bool] = []
        self.replies: dict[str, str] = {}
        self._controller = _AnyPort(self, hostname="127.0.0.1", port=0, **options)

    @property
    def port(self) -> int:
        return self._controller.port

    def __enter__(self) -> "SmtpReceiver":
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    async def handle_RCPT(self, *told: Any) -> str:  # noqa: N802 - aiosmtpd's
        _, _, envelope, address, _ = told
        reply = self.replies.get(address, "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        self.was_encrypted.append(session.ssl is not None)
        self.mails.append(message_from_bytes(envelope.content, policy=policy))
        return "250 OK"


@cache
def authority() -> trustme.CA:
    """Make an authority that nobody trusts but who is told to."""
    return trustme.CA()


def server_context() -> SSLContext:
    """Make the context of a server on localhost, with a certificate of the authority's."""
    context = SSLContext(PROTOCOL_TLS_SERVER)
    authority().issue_cert("localhost").configure_cert(context)
    return context


def trust_authority(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    """Have programs trust the authority, and no other."""
    path = directory / "authority.pem"
    authority().cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


def admit(server: Any, session: Any, envelope: Any, mechanism: str, auth_data: Any) -> AuthResult:
    """Let one user in, by a password that has a special character."""
    is_right = (auth_data.login, auth_data.password) == (b"earshot", b"se:cret@1")
    return AuthResult(success=is_right, handled=is_right)
