"""Logging in with a token, and out again."""

import logging

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from console.services import Services
from shared.logs import log


def add_pages(blueprint: Blueprint, services: Services) -> None:
    """Add /login and /logout."""

    @blueprint.route("/login", methods=["GET", "POST"])
    def login() -> AnyResponse | tuple[str, int] | str:
        if request.method == "GET":
            return render_template("login.html", is_refused=False)
        if services.access.log_in(request.form.get("token", "").strip()):
            return redirect(_own_place(request.args.get("next", "/")), 303)
        log(logging.WARNING, "console.refused", reason="wrong token")
        return render_template("login.html", is_refused=True), 401

    @blueprint.post("/logout")
    def logout() -> AnyResponse:
        services.access.log_out()
        return redirect("/login", 303)


def _own_place(wanted: str) -> str:
    # Nobody is sent elsewhere by a link to the log-in page: what begins with two slashes names another host.
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if is_ours else "/"
