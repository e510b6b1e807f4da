"""The webhook as a WSGI application: one answer and one log line for each request, whatever happens."""

import logging
import time
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from threading import BoundedSemaphore
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.deliveries import Request
from ingest.webhook import Reply, Webhook
from shared.logs import log

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

RETRY_AFTER_SECONDS = 5
LINGER_STEP = 64 * 1024
LONGEST_LINGER = 64 * 1024 * 1024

_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

_LINES = {
    "queued": (logging.INFO, "webhook.accepted"),
    "duplicate": (logging.INFO, "webhook.accepted"),
    "spooled": (logging.INFO, "webhook.accepted"),
    "quarantined": (logging.WARNING, "webhook.quarantined"),
    "refused": (logging.WARNING, "webhook.refused"),
    "failed": (logging.ERROR, "webhook.failed"),
}


class Endpoint:
    """Answers webhooks without Flask's request machinery, which would cost as much as all else but Redis.

    At most `lingering` threads at a time take in, and throw away, what a refused sender is still sending.
    """

    def __init__(self, webhook: Webhook, lingering: int) -> None:
        self._webhook = webhook
        self._lingering = BoundedSemaphore(lingering)

    def __call__(self, request: Request, start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request, as WSGI has it."""
        started = time.perf_counter()
        reply = self._receive(request)
        _log(reply, duration_ms=(time.perf_counter() - started) * 1000)
        content = msgspec.json.encode(reply.content)
        start_response(_STATUS_LINES[reply.code], _headers(reply, content))
        return self._linger(content, request) if reply.is_unread else [content]

    def _receive(self, request: Request) -> Reply:
        try:
            return self._webhook.receive(request)
        except Exception as error:  # noqa: BLE001 - the last line of the HTTP error table
            return Reply(500, "failed", _where(error), "internal error")

    def _linger(self, content: bytes, request: Request) -> Iterator[bytes]:
        # Who sends everything before reading the answer would never read it: closing on unread bytes resets.
        yield content
        if not self._lingering.acquire(blocking=False):
            return
        try:
            _throw_away(request["wsgi.input"])
        finally:
            self._lingering.release()


def _throw_away(body: Any) -> None:
    for _ in range(LONGEST_LINGER // LINGER_STEP):
        if not body.read(LINGER_STEP):
            return


def _where(error: Exception) -> str:
    # The text of an exception may quote the body; its kind, and where it was raised, do not.
    place = extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}@{place.name}:{place.lineno}"


def _log(reply: Reply, duration_ms: float) -> None:
    level, name = _LINES[reply.outcome]
    fields = {
        "event_id": reply.event_id,
        "event_type": reply.event_type,
        "status": reply.code,
        "outcome": reply.outcome,
        "reason": reply.reason,
        "bytes": reply.size,
        "duration_ms": duration_ms,
    }
    log(level, name, **{key: value for key, value in fields.items() if value != ""})


def _headers(reply: Reply, content: bytes) -> list[tuple[str, str]]:
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
    if reply.is_unread:
        headers.append(("Connection", "close"))
    if reply.code == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append(("Retry-After", str(RETRY_AFTER_SECONDS)))
    return headers
