"""Log in to the console as a browser does."""

import re

from flask.testing import FlaskClient

from tests.consoles import TOKEN


def log_in(client: FlaskClient, token: str = TOKEN) -> int:
    """Log in as a browser does, with the page's own form; gives the status."""
    page = client.get("/login").text
    form = {"token": token, "csrf_token": form_token(page)}
    return client.post("/login", data=form).status_code


def form_token(page: str) -> str:
    """Read what a page's forms send along."""
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    assert found
    return found[1]
