"""The web application: its routes, and JSON for whatever has none."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Flask, Response
from redis import Redis
from werkzeug.exceptions import HTTPException

from ingest.endpoint import Endpoint
from ingest.readiness import check_readiness
from ingest.webhook import Webhook
from shared.publisher import Publisher
from shared.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

WEBHOOK_PATH = "/webhooks/interactly"


class IngestApp(Flask):
    """Flask for all requests but the webhooks, which go straight to their endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__("ingest", static_folder=None)
        self.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
        self.url_map.strict_slashes = False
        self._endpoint = endpoint
        self.add_url_rule(WEBHOOK_PATH, "webhook", lambda: endpoint, methods=["POST"])

    def wsgi_app(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request, as WSGI has it."""
        if environ["PATH_INFO"] == WEBHOOK_PATH and environ["REQUEST_METHOD"] == "POST":
            return self._endpoint(environ, start_response)
        return super().wsgi_app(environ, start_response)


def create_app(settings: Settings, redis: Redis) -> Flask:
    """Wire the application, once per process. Raises SettingsError without a usable WEBHOOK_SECRETS."""
    webhook = Webhook(settings, Publisher(redis, settings))
    app = IngestApp(Endpoint(webhook, lingering=settings.ingest_threads // 4))
    _add_health(app, redis)
    app.register_error_handler(HTTPException, _tell_error)
    return app


def _add_health(app: Flask, redis: Redis) -> None:
    @app.get("/healthz")
    def tell_health() -> Response:
        return _json({"status": "ok"}, 200)

    @app.get("/readyz")
    def tell_readiness() -> Response:
        found = check_readiness(redis)
        content = {"ready": found.is_ready, "reasons": found.reasons, "warnings": found.warnings}
        return _json(content, 200 if found.is_ready else 503)


def _tell_error(error: HTTPException) -> Response:
    response = _json({"error": error.name.lower()}, error.code or 500)
    response.headers.extend(header for header in error.get_headers() if header[0] == "Allow")
    return response


def _json(content: object, code: int) -> Response:
    return Response(msgspec.json.encode(content), code, content_type="application/json")
