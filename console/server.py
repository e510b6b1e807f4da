"""Serve the console: granian's main process, and its worker, with threads enough for pages beside open streams."""

import logging
from functools import partial

from flask import Flask

from console.access import LONG_ENOUGH, Access
from console.app import create_app
from console.pages.login import MOST_FORMS
from console.streams.ending import call_when_told_to_end
from console.streams.streams import SPARE_STREAMS
from shared.http_server import begin_process, free_address, make_server, shown_url
from shared.logs import configure_logs, log
from shared.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises SettingsError without a usable CONSOLE_TOKENS; SystemExit, with a message, when it cannot listen.
    """
    Access(settings.console_tokens)
    address = free_address(settings.host, settings.console_port, "CONSOLE_PORT")
    threads = settings.console_threads + settings.console_streams + SPARE_STREAMS + MOST_FORMS
    server = make_server("console", address, settings.console_port, workers=1, threads=threads)
    configure_logs(settings.log_level)
    server.on_startup(partial(_log_start, settings))
    server.on_shutdown(_log_stop)
    server.serve(target_loader=partial(load_app, settings), wrap_loader=False)


def load_app(settings: Settings) -> Flask:
    """Build the application in the process that serves it, which from now on ends with its parent."""
    begin_process(settings.log_level)
    app = create_app(settings)
    app.start()
    call_when_told_to_end(app.stop)
    return app


def _log_start(settings: Settings) -> None:
    log(logging.INFO, "console.started", address=shown_url(settings.host, settings.console_port))
    weak = sum(len(token.get_secret_value()) < LONG_ENOUGH for token in settings.console_tokens)
    if weak:
        log(logging.WARNING, "console.weak_token", tokens=weak, long_enough=LONG_ENOUGH)


def _log_stop() -> None:
    log(logging.INFO, "console.stopped")
