"""Logging in with a token, and out again."""

import logging
from threading import BoundedSemaphore

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from console.errors import RETRY_AFTER_SECONDS
from console.pages.places import place_of_ours
from console.services import Services
from shared.logs import log

# The form is the one body that is read of a stranger, who may send it as slowly as they like: each holds a thread.
MOST_FORMS = 4
LONGEST_FORM_BYTES = 4096


def add_pages(blueprint: Blueprint, services: Services) -> None:
    """Add /login and /logout."""
    forms = BoundedSemaphore(MOST_FORMS)

    @blueprint.route("/login", methods=["GET", "POST"])
    def login() -> AnyResponse | tuple[str, int] | str:
        if request.method == "GET":
            return _show_form(services)
        if not forms.acquire(blocking=False):
            return _busy()
        try:
            return _log_in(services)
        finally:
            forms.release()

    @blueprint.post("/logout")
    def logout() -> AnyResponse:
        services.access.log_out()
        return redirect("/login", 303)


def _show_form(services: Services) -> AnyResponse | str:
    if services.access.has_session():
        return redirect(_wanted_place(), 303)
    return render_template("login.html", is_refused=False)


def _log_in(services: Services) -> AnyResponse | tuple[str, int]:
    request.max_content_length = LONGEST_FORM_BYTES
    if services.access.log_in(request.form.get("token", "").strip()):
        return redirect(_wanted_place(), 303)
    log(logging.WARNING, "console.refused", reason="wrong token")
    return render_template("login.html", is_refused=True), 401


def _busy() -> AnyResponse:
    message = "too many people log in at this moment: try again"
    headers = {"Retry-After": RETRY_AFTER_SECONDS}
    return Response(render_template("error.html", code=503, message=message), 503, headers)


def _wanted_place() -> str:
    return place_of_ours(request.args.get("next", "/"), "/")
