"""Take the body out of a request, or say why it cannot be taken. Knows WSGI, and nothing of events.

What cannot be seen to be whole is refused: of a chunked body the server does not tell where it was cut.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Request = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A body as it came in; `fault` is empty, or why it may be no event: not_json or truncated."""

    body: bytes
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no body to keep: `reason` in one word for the log, `error` for the sender's developers."""

    code: int
    reason: str
    error: str


# A compressed body cannot be searched for the platform's secret, so it cannot be kept either.
ENCODED = Refusal(415, "encoded", "the body is compressed; send it as it is")
NOT_JSON = Refusal(415, "not_json", "the Content-Type is not JSON")
NO_LENGTH = Refusal(400, "no_length", "the Content-Length is missing; a chunked body is not accepted")
EMPTY = Refusal(400, "empty", "the body is empty")


def take_delivery(request: Request, max_body_bytes: int) -> Delivery | Refusal:
    """Read the body of a request, all of it or nothing; blocks until the sender has sent it."""
    if _is_encoded(request):
        return ENCODED
    says_json = _says_json(request.get("CONTENT_TYPE", ""))
    length = _length_of(request, max_body_bytes)
    if isinstance(length, Refusal):
        return length if says_json else NOT_JSON
    body = request["wsgi.input"].read(length)
    if not body:
        return EMPTY
    return Delivery(body, _fault_of(says_json=says_json, is_whole=len(body) == length))


def _is_encoded(request: Request) -> bool:
    return request.get("HTTP_CONTENT_ENCODING", "").strip().lower() not in {"", "identity"}


def _says_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in {"", "application/json"}:
        return True
    return media_type.startswith("application/") and media_type.endswith("+json")


def _length_of(request: Request, max_body_bytes: int) -> int | Refusal:
    stated = request.get("CONTENT_LENGTH", "")
    if "HTTP_TRANSFER_ENCODING" in request or not (stated.isascii() and stated.isdecimal()):
        return NO_LENGTH
    length = int(stated)
    return length if length <= max_body_bytes else _too_large(max_body_bytes)


def _too_large(max_body_bytes: int) -> Refusal:
    return Refusal(413, "too_large", f"the body is larger than {max_body_bytes} bytes")


def _fault_of(*, says_json: bool, is_whole: bool) -> str:
    if not says_json:
        return "not_json"
    return "" if is_whole else "truncated"
