"""Posting webhook bodies to an ingest, over one connection that is kept."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from earshot.errors import EarshotError

WEBHOOK_PATH = "/webhooks/interactly"
TIMEOUT_SECONDS = 15.0
LONGEST_REASON = 200

# The server may have closed a kept connection, just when we write to it or read its answer.
_STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


@dataclass(frozen=True)
class Answer:
    """What became of one body: the HTTP status, and the status or the error that the ingest names."""

    code: int
    outcome: str

    @property
    def is_accepted(self) -> bool:
        return self.code < http.client.MULTIPLE_CHOICES


class Poster:
    """Posts to one URL. Raises EarshotError when nothing listens there or it does not answer in time."""

    def __init__(self, url: str, secret: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._url = url
        address = urlsplit(url)
        self._path = address.path or "/"
        self._headers = {"content-type": "application/json", "x-interactly-secret": secret}
        self._connection = _connection(address, timeout_seconds)

    def post(self, body: bytes) -> Answer:
        """Post one body; a body counts once even where it is sent twice, since the ingest knows it by its digest."""
        try:
            return self._exchange(body)
        except _STALE:
            self._connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        try:
            return self._exchange(body)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error

    def close(self) -> None:
        self._connection.close()

    def _exchange(self, body: bytes) -> Answer:
        self._connection.request("POST", self._path, body, self._headers)
        response = self._connection.getresponse()
        return read_answer(response.status, response.read())

    def _unreachable(self, error: Exception) -> EarshotError:
        self._connection.close()
        if isinstance(error, ConnectionRefusedError):
            return EarshotError(f"Nothing listens at {self._url}. Start it with `make up`, or name another with --url.")
        return EarshotError(f"No answer from {self._url}: {error or type(error).__name__}.")


def read_answer(code: int, text: bytes) -> Answer:
    """Read what an ingest answered; one that is not JSON, from a proxy for example, is quoted."""
    try:
        answer: Any = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        return Answer(
            code, text.decode(errors="replace").strip()[:LONGEST_REASON] or http.client.responses.get(code, "")
        )
    outcome = answer.get("status") or answer.get("error") or http.client.responses.get(code, "")
    return Answer(code, str(outcome)[:LONGEST_REASON])


def is_ready(host: str, port: int, timeout_seconds: float = 1.0) -> bool:
    """Ask an ingest whether it can accept durably."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_seconds)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connection(address: SplitResult, timeout_seconds: float) -> http.client.HTTPConnection:
    if address.scheme not in ("http", "https") or not address.hostname:
        raise EarshotError(
            f"{address.geturl()} is not the URL of an ingest, such as http://127.0.0.1:8000{WEBHOOK_PATH}."
        )
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    return kind(address.hostname, address.port, timeout=timeout_seconds)
