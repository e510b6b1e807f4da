"""The web application: its routes, and JSON for whatever has none."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Flask, Response
from redis import Redis
from werkzeug.exceptions import HTTPException

from ingest.breaker import Breaker
from ingest.drainer import Drainer
from ingest.endpoint import Endpoint
from ingest.keeping import Keeper
from ingest.readiness import check_readiness
from ingest.spool import Depth, Spool
from ingest.webhook import Webhook
from shared.publisher import Publisher
from shared.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

WEBHOOK_PATH = "/webhooks/interactly"


class IngestApp(Flask):
    """Flask for all requests but the webhooks, which go straight to their endpoint.

    Its `drainer` publishes what was spooled, once somebody has started it.
    """

    def __init__(self, endpoint: Endpoint, drainer: Drainer) -> None:
        super().__init__("ingest", static_folder=None)
        self.drainer = drainer
        self.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
        self.url_map.strict_slashes = False
        self._endpoint = endpoint
        self.add_url_rule(WEBHOOK_PATH, "webhook", lambda: endpoint, methods=["POST"])

    def wsgi_app(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request, as WSGI has it."""
        if environ["PATH_INFO"] == WEBHOOK_PATH and environ["REQUEST_METHOD"] == "POST":
            return self._endpoint(environ, start_response)
        return super().wsgi_app(environ, start_response)


def create_app(settings: Settings, redis: Redis) -> IngestApp:
    """Wire the application, once per process. Raises SettingsError without a usable WEBHOOK_SECRETS."""
    publisher, breaker = Publisher(redis, settings), Breaker()
    spool = Spool(settings.spool_dir, settings.spool_max_bytes)
    drainer = Drainer(redis, publisher, spool, breaker)
    webhook = Webhook(settings, Keeper(publisher, spool, breaker, drainer.wake))
    app = IngestApp(Endpoint(webhook, lingering=settings.ingest_threads // 4), drainer)
    _add_health(app, redis, spool)
    app.register_error_handler(HTTPException, _tell_error)
    return app


def _add_health(app: Flask, redis: Redis, spool: Spool) -> None:
    @app.get("/healthz")
    def tell_health() -> Response:
        return _json({"status": "ok"}, 200)

    @app.get("/readyz")
    def tell_readiness() -> Response:
        found = check_readiness(redis, spool)
        content = {
            "ready": found.is_ready,
            "reasons": found.reasons,
            "warnings": found.warnings,
            "spool": _told(found.depth),
        }
        return _json(content, 200 if found.is_ready else 503)


def _told(depth: Depth | None) -> dict[str, float] | None:
    if depth is None:
        return None
    return {"events": depth.events, "bytes": depth.bytes, "oldest_seconds": depth.oldest_seconds}


def _tell_error(error: HTTPException) -> Response:
    response = _json({"error": error.name.lower()}, error.code or 500)
    response.headers.extend(header for header in error.get_headers() if header[0] == "Allow")
    return response


def _json(content: object, code: int) -> Response:
    return Response(msgspec.json.encode(content), code, content_type="application/json")
