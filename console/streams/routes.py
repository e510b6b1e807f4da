"""The routes of the streams: one call, or all calls."""

from flask import Blueprint, Response, jsonify, request
from pydantic import Field

from console.api.operations import Query
from console.errors import RETRY_AFTER_SECONDS, Missing, Unprocessable
from console.streams.stream import Stream
from console.streams.streams import Streams, TooManyStreams

LARGEST = 2**63 - 1


class StreamQuery(Query):
    """From where on to tell: `id` of the last event that was received; without it, from now on."""

    after: int | None = Field(default=None, ge=0, le=LARGEST, description="the same as the header Last-Event-ID")


def streams_blueprint(streams: Streams) -> Blueprint:
    """Make the routes."""
    blueprint = Blueprint("streams", __name__)

    @blueprint.get("/api/calls/<id:call_id>/stream")
    def follow_call(call_id: str) -> Response:
        if "\0" in call_id:
            raise Missing("there is no call of that id")
        return _answer(streams.follow_call(call_id, _place()))

    @blueprint.get("/api/stream")
    def follow_calls() -> Response:
        return _answer(streams.follow_calls(_place()))

    blueprint.register_error_handler(TooManyStreams, _refuse)
    return blueprint


def _place() -> int | None:
    """Read from where on to tell; a browser that comes back says so in a header, and asks for the same address."""
    asked = StreamQuery.model_validate(request.args.to_dict())
    last = request.headers.get("Last-Event-ID")
    if not last:
        return asked.after
    if not (last.isascii() and last.isdigit() and len(last) < len(str(LARGEST))):
        raise Unprocessable("Last-Event-ID: is none that this stream has given")
    return int(last)


def _answer(stream: Stream) -> Response:
    response = Response(iter(stream), content_type="text/event-stream; charset=utf-8")
    response.headers["X-Accel-Buffering"] = "no"
    # Called also where a client went away before the first byte.
    response.call_on_close(stream.close)
    return response


def _refuse(_: Exception) -> Response:
    response = jsonify(error="as many streams are open as CONSOLE_STREAMS allows")
    response.status_code = 503
    response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response
