"""The bare WSGI application: reads the body, names the event, runs the same publish script. No check at all."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bench.arms.pipeline import STAGES
from bench.workload import EVENT_TYPE
from shared.publisher import IncomingEvent, Publisher, event_id_of
from shared.redis_client import connect_redis
from shared.settings import Settings, load_settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse


def make_publisher(settings: Settings) -> Publisher:
    """Make our publisher on the Redis of the settings."""
    url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    return Publisher(connect_redis(url, settings.redis_timeout_seconds), settings)


_publisher = make_publisher(load_settings(["REDIS_URL"]))


def application(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Answer a request."""
    body = environ["wsgi.input"].read()
    event_id = event_id_of(body)
    now = time.time_ns() // 1_000_000
    answer = _publisher.publish(IncomingEvent(event_id, now, STAGES, body, EVENT_TYPE, "a-call"))
    content = b'{"event_id":"%b","status":"%b"}' % (event_id.encode(), answer.encode())
    start_response("202 Accepted", [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
    return [content]
