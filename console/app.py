"""The console's application: every request is admitted or refused here, answered below, and told in one log line."""

import logging
import time
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Flask, Response, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from console.access import OPEN_ENDPOINTS
from console.api.routes import api_blueprint
from console.errors import answer_errors, is_api, unauthorized
from console.health import add_health
from console.pages.routes import pages_blueprint
from console.paths import IdConverter
from console.services import Services, make_services
from console.streams.routes import streams_blueprint
from console.streams.streams import Streams
from shared.logs import log
from shared.settings import Settings

# No page loads anything from elsewhere, holds any script or style of its own, or is shown inside another.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# Longer than any link of ours, shorter than what a server would refuse.
_LONGEST_RETURN = 2000


class ConsoleApp(Flask):
    """Flask with the services it answers from; `start` connects what the process keeps open."""

    def __init__(self, services: Services) -> None:
        super().__init__("console", static_folder="static", template_folder="templates")
        self.services = services
        self.streams = Streams(services)
        self.url_map.strict_slashes = False
        # A path with a slash too many is not there; else it would be a redirect that no program expects.
        self.url_map.merge_slashes = False
        self.url_map.converters["id"] = IdConverter
        # Scripts and styles change with a deployment; asking costs less than wondering.
        self.config["SEND_FILE_MAX_AGE_DEFAULT"] = None
        self.config["MAX_CONTENT_LENGTH"] = 64 * 1024

    def start(self) -> None:
        """Open the pool of connections, and listen for changes."""
        self.services.store.open()
        self.streams.start()

    def stop(self) -> None:
        """End what would hold up the end of the process: open streams, and the threads that feed them."""
        self.streams.stop()


def create_app(settings: Settings) -> ConsoleApp:
    """Wire the application, once per process. Raises SettingsError without a usable CONSOLE_TOKENS."""
    services = make_services(settings)
    app = ConsoleApp(services)
    services.access.guard(app, is_https=(settings.console_url or "").startswith("https:"))
    app.before_request(_begin)
    app.before_request(_admit)
    app.after_request(_finish)
    app.register_blueprint(api_blueprint(services))
    app.register_blueprint(streams_blueprint(app.streams))
    app.register_blueprint(pages_blueprint(services))
    add_health(app, services.store)
    answer_errors(app)
    return app


def _begin() -> None:
    g.started = time.perf_counter()


def _admit() -> AnyResponse | None:
    services: Services = _app().services
    if request.endpoint in OPEN_ENDPOINTS or services.access.admits(request):
        return None
    if is_api(request) or services.access.is_bearer(request):
        return unauthorized()
    # Whoever was logged out meanwhile cannot be led back to what a form would have changed.
    wanted = request.full_path.rstrip("?") if request.method == "GET" else ""
    question = f"?{urlencode({'next': wanted})}" if 1 < len(wanted) <= _LONGEST_RETURN else ""
    return redirect(f"/login{question}", 303)


def _finish(response: Response) -> Response:
    response.headers.extend(_HEADERS)
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    milliseconds = (time.perf_counter() - g.get("started", time.perf_counter())) * 1000
    # The rule and not the path: what is asked for may be personal.
    rule = request.url_rule.rule if request.url_rule else "none"
    # Open pages ask again and again; what was changed or refused stands out.
    is_everyday = request.method in ("GET", "HEAD") and response.status_code < HTTPStatus.BAD_REQUEST
    level = logging.DEBUG if is_everyday else logging.INFO
    log(level, "console.answered", rule=rule, status=response.status_code, duration_ms=milliseconds)
    return response


def _app() -> ConsoleApp:
    from flask import current_app  # noqa: PLC0415

    return current_app  # type: ignore[return-value]  # a proxy of it
