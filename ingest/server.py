"""Serve the application: granian's main process, and its workers, each with an application of its own."""

import logging
from functools import partial

from flask import Flask

from ingest.app import create_app
from ingest.punctuality import keep_deadlines
from shared.http_server import begin_process, free_address, make_server, shown_url
from shared.known_secrets import KnownSecrets
from shared.logs import configure_logs, log
from shared.redis_client import connect_redis
from shared.settings import Settings, SettingsError


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered before it returns.

    Raises SettingsError when a needed setting is missing; SystemExit, with a message, when it cannot listen.
    """
    _require(settings)
    address = free_address(settings.host, settings.port, "PORT")
    workers, threads = settings.ingest_workers, settings.ingest_threads
    server = make_server("ingest", address, settings.port, workers=workers, threads=threads)
    configure_logs(settings.log_level)
    server.on_startup(partial(_log_start, settings))
    server.on_shutdown(_log_stop)
    server.serve(target_loader=partial(load_app, settings), wrap_loader=False)


def load_app(settings: Settings) -> Flask:
    """Build the application in a worker process, which from now on ends with its parent."""
    begin_process(settings.log_level)
    redis = connect_redis(_redis_url(settings), settings.redis_timeout_seconds)
    app = create_app(settings, keep_deadlines(redis))
    app.drainer.start()
    return app


def _require(settings: Settings) -> None:
    _redis_url(settings)
    KnownSecrets("WEBHOOK_SECRETS", settings.webhook_secrets)


def _redis_url(settings: Settings) -> str:
    if settings.redis_url is None:
        raise SettingsError("REDIS_URL: is not set")
    return settings.redis_url.get_secret_value()


def _log_start(settings: Settings) -> None:
    log(logging.INFO, "ingest.started", address=shown_url(settings.host, settings.port))


def _log_stop() -> None:
    log(logging.INFO, "ingest.stopped")
