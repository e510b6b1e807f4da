"""What is answered when something is wrong: JSON to programs, a page to people, never the text of an exception."""

import logging

from flask import Flask, Request, Response, jsonify, render_template, request
from flask_wtf.csrf import CSRFError
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from shared.errors import DatabaseUnavailable, QueueUnavailable
from shared.logs import log

RETRY_AFTER_SECONDS = "5"

# What tells apart the kinds of a body: pydantic does not name them where it is missing.
_TAGS = {"source": "dead_letters or quarantine"}


class Missing(Exception):
    """What was asked for is not there; the message names it."""


class Unprocessable(Exception):
    """A question that makes no sense; the message names the parameter and says why."""


def is_api(asked: Request) -> bool:
    """Tell whether a program asks."""
    return asked.path.startswith("/api/") or asked.path == "/api"


def unauthorized() -> AnyResponse:
    """Refuse whoever has no token."""
    response = jsonify(error="a token is missing or wrong: send Authorization: Bearer TOKEN, one of CONSOLE_TOKENS")
    response.status_code = 401
    response.headers["WWW-Authenticate"] = 'Bearer realm="earshot"'
    return response


def answer_errors(app: Flask) -> None:
    """Register the answers."""
    app.register_error_handler(Missing, lambda error: _answer(404, str(error)))
    app.register_error_handler(Unprocessable, lambda error: _answer(422, str(error)))
    app.register_error_handler(ValidationError, lambda error: _answer(422, describe(error)))
    app.register_error_handler(CSRFError, lambda _: _answer(400, "this form is out of date: load the page again"))
    app.register_error_handler(DatabaseUnavailable, lambda error: _unavailable("PostgreSQL", error))
    app.register_error_handler(QueueUnavailable, lambda error: _unavailable("Redis", error))
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_fault)


def describe(error: ValidationError) -> str:
    """Say of each wrong parameter what is wrong, without its value."""
    return "; ".join(_described(fault) for fault in error.errors(include_input=False, include_url=False))


def _described(fault: ErrorDetails) -> str:
    where, what = ".".join(map(str, fault["loc"])), fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "json_invalid":
        return "the body is no JSON"
    if fault["type"] in ("union_tag_not_found", "union_tag_invalid"):
        return _described_tag(fault)
    if fault["type"] == "extra_forbidden":
        return f"{where}: is not known"
    # What concerns several parameters names them itself.
    return f"{where}: {what}" if where else what if fault["type"] == "value_error" else f"body: {what}"


def _described_tag(fault: ErrorDetails) -> str:
    name = str(fault.get("ctx", {})["discriminator"]).strip("'")
    state = "is missing" if fault["type"] == "union_tag_not_found" else "is none that is known"
    return f"{name} {state}: {_TAGS[name]}"


def _unavailable(server: str, error: Exception) -> AnyResponse:
    log(logging.WARNING, "console.unavailable", server=server, reason=str(error))
    response = _answer(503, f"{server} cannot be read at the moment")
    response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response


def _answer_http(error: HTTPException) -> AnyResponse:
    response = _answer(error.code or 500, (error.name or "error").lower())
    response.headers.extend(header for header in error.get_headers() if header[0] == "Allow")
    return response


def _answer_fault(error: Exception) -> AnyResponse:
    log(
        logging.ERROR,
        "console.failed",
        rule=request.url_rule.rule if request.url_rule else "none",
        exception=type(error).__name__,
    )
    return _answer(500, "internal error")


def _answer(code: int, message: str) -> AnyResponse:
    if is_api(request):
        response: Response = jsonify(error=message)
    else:
        response = Response(render_template("error.html", code=code, message=message))
    response.status_code = code
    return response
