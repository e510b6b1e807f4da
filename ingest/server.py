"""Serve the application: granian's main process, and its workers, each with an application of its own."""

import errno
import logging
import signal
import socket
import sys
from functools import partial

from flask import Flask
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from ingest.app import create_app
from ingest.authentication import Authentication
from ingest.punctuality import keep_deadlines
from shared.logs import configure_logs, log
from shared.processes import die_with_parent
from shared.redis_client import connect_redis
from shared.settings import Settings, SettingsError

BACKLOG = 1024
# An idle connection, or half a header, is let go after this: longer than senders and balancers keep an idle
# connection (60 s is usual), so that none of them sends an event into one that is just being closed.
IDLE_SECONDS = 75
# Shorter than the ten seconds that container engines leave between SIGTERM and SIGKILL.
STOP_SECONDS = 8
# granian prints through handlers of its own; ours write the same lines for everything.
_GRANIAN_LOGS = {"formatters": {}, "handlers": {}, "loggers": {"_granian": {"propagate": True}}}


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered before it returns.

    Raises SettingsError when a needed setting is missing; SystemExit, with a message, when it cannot listen.
    """
    _require(settings)
    server = _server(settings, _free_address(settings.host, settings.port))
    configure_logs(settings.log_level)
    server.on_startup(partial(_log_start, settings))
    server.on_shutdown(_log_stop)
    server.serve(target_loader=partial(load_app, settings), wrap_loader=False)


def load_app(settings: Settings) -> Flask:
    """Build the application in a worker process, which from now on ends with its parent."""
    # Ctrl-C reaches all processes of a terminal; the main one stops its workers, each with a single signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    die_with_parent()
    configure_logs(settings.log_level)
    redis = connect_redis(_redis_url(settings), settings.redis_timeout_seconds)
    app = create_app(settings, keep_deadlines(redis))
    app.drainer.start()
    return app


def _server(settings: Settings, address: str) -> MPServer:
    return MPServer(
        target="ingest",
        address=address,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.ingest_workers,
        blocking_threads=settings.ingest_threads,
        backlog=BACKLOG,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=IDLE_SECONDS * 1000),
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.error,
        log_dictconfig=_GRANIAN_LOGS,
    )


def _require(settings: Settings) -> None:
    _redis_url(settings)
    Authentication(secret.get_secret_value() for secret in settings.webhook_secrets)


def _redis_url(settings: Settings) -> str:
    if settings.redis_url is None:
        raise SettingsError("REDIS_URL: is not set")
    return settings.redis_url.get_secret_value()


def _free_address(host: str, port: int) -> str:
    """Resolve a host to the address that granian needs, and make sure that nobody listens there.

    granian's sockets would share the port with another ingest, which would then take half of the events.
    """
    try:
        address = _resolve(host, port)
        _bind_for_a_moment(address, port)
    except OSError as error:
        sys.exit(f"Cannot listen on {host}:{port}: {_reason(error)}")
    return address


def _resolve(host: str, port: int) -> str:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    by_version = sorted(found, key=lambda candidate: candidate[0] != socket.AF_INET)
    return str(by_version[0][4][0])


def _bind_for_a_moment(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program uses this port; choose another one with PORT"
    return error.strerror or type(error).__name__


def _log_start(settings: Settings) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    log(logging.INFO, "ingest.started", address=f"http://{host}:{settings.port}")


def _log_stop() -> None:
    log(logging.INFO, "ingest.stopped")
