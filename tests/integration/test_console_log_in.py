"""Logging in: with which tokens, by whose form, where it leads, and what strangers can hold up by it."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import scrypt
from pathlib import Path

import pytest

from console.app import ConsoleApp
from console.pages.login import MOST_FORMS
from tests.consoles import TOKEN, RunningConsole, console, console_settings, running_console
from tests.logging_in import form_token, log_in
from tests.programs import wait_for

UNFINISHED = 60


@pytest.fixture
def app(servers, redis, database_url) -> Iterator[ConsoleApp]:
    """A console on this test's servers."""
    with console(console_settings(servers.redis_url, database_url)) as app:
        yield app


def begin(console: RunningConsole, path: str) -> socket.socket:
    """Send a form of which the rest never comes."""
    opened = socket.create_connection(("127.0.0.1", console.port), timeout=20)
    head = "Host: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 500"
    opened.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n\r\nt".encode())
    return opened


def test_forms_that_are_never_sent_whole_hold_nobody_up(servers, redis, database_url, tmp_path: Path):
    """A stranger begins many: a few are waited for, the others are answered at once, and so is everybody else."""
    log = tmp_path / "console.log"
    settings = {"CONSOLE_THREADS": "2", "CONSOLE_STREAMS": "1"}
    with running_console(servers, database_url, log, **settings) as console, ExitStack() as opened:
        forms = [opened.enter_context(begin(console, "/login")) for _ in range(UNFINISHED)]
        others = [opened.enter_context(begin(console, path)) for path in ("/logout", "/api/replays", "/nothing") * 20]
        assert {answer_to(other) for other in others} == {b"303", b"401"}
        wait_for(lambda: log.read_text().count("rule=/login status=503") == UNFINISHED - MOST_FORMS)
        assert console.ask("/healthz")[0] == 200
        assert console.ask("/api/calls")[0] == 200
        for form in forms:
            form.close()
        wait_for(lambda: log_in_status(console) == 400)
        # No library tells of it in a line of its own.
        assert "CSRF" not in log.read_text()


def answer_to(opened: socket.socket) -> bytes:
    """Read the status of an answer."""
    return opened.recv(12)[9:]


def log_in_status(console: RunningConsole) -> int:
    """Send a whole form, though not ours."""
    return int(console.ask("/login", {}, "POST", "nothing")[0])


@pytest.mark.parametrize("path", ["/logout", "/operations/replay", "/nothing"])
def test_a_form_of_a_session_that_has_ended_leads_to_the_log_in(app, path):
    """A person sees the log-in page, not an answer for programs."""
    response = app.test_client().post(path, data={"csrf_token": "old"})
    assert (response.status_code, response.headers["Location"]) == (303, "/login")


def test_what_a_proxy_sends_in_another_scheme_shuts_no_session_out(app):
    """Basic authentication of a proxy in front is no token of ours."""
    client = app.test_client()
    log_in(client)
    assert client.get("/api/calls", headers={"Authorization": "Basic cHJveHk6cHJveHk="}).status_code == 200


def test_who_is_logged_in_is_not_asked_again(app):
    """The log-in page leads on, to where one was going."""
    client = app.test_client()
    log_in(client)
    assert client.get("/login").headers["Location"] == "/"
    assert client.get("/login?next=/operations").headers["Location"] == "/operations"


def test_another_site_cannot_log_anybody_in(app):
    """A log-in form that is not ours, or is another browser's, is refused, even with a valid token."""
    client = app.test_client()
    assert client.post("/login", data={"token": TOKEN}).status_code == 400
    strangers = form_token(app.test_client().get("/login").text)
    assert client.post("/login", data={"token": TOKEN, "csrf_token": strangers}).status_code == 400
    assert client.get("/api/calls").status_code == 401


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ("/calls/WC-1?limit=1", "/calls/WC-1?limit=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.example", "/"),
        ("/calls\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ],
)
def test_a_link_to_the_log_in_leads_nowhere_else(app, wanted, place):
    """After logging in one is at a page of ours, whatever the link said."""
    client = app.test_client()
    token = form_token(client.get("/login").text)
    response = client.post("/login", query_string={"next": wanted}, data={"token": TOKEN, "csrf_token": token})
    assert (response.status_code, response.headers["Location"]) == (303, place)


def test_trying_tokens_on_a_cookie_is_dear(app):
    """The key of the sessions is no plain digest of the token: scrypt, 16 MiB for each trial."""
    key = scrypt(TOKEN.encode(), salt=b"earshot console sessions", n=2**14, r=8, p=1, dklen=32)
    assert app.secret_key == key


def test_a_log_in_form_is_short(app):
    """Strangers send it."""
    client = app.test_client()
    form = {"token": "x" * 5000, "csrf_token": form_token(client.get("/login").text)}
    assert client.post("/login", data=form).status_code == 413
