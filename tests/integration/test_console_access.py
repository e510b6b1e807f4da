"""Who sees anything: whoever has a valid token, or a session that was opened with one; and nobody else, anywhere."""

import re
import time
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from console.access import OPEN_ENDPOINTS, SESSION_HOURS
from console.app import ConsoleApp
from tests.consoles import BEARER, TOKEN, console, console_settings, fill_with_calls
from tests.logging_in import form_token, log_in

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
# What only a person with access may read: it stands in the stored calls.
WITHDRAWN = "a-token-that-is-withdrawn"
SECRET_WORDS = ("Question 1", "Reception", "gemini")
WRONG = (
    {},
    {"Authorization": "Bearer wrong"},
    {"Authorization": "Bearer "},
    {"Authorization": "Bearer"},
    {"Authorization": ""},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": TOKEN},
    {"Authorization": f"Bearer {TOKEN}x"},
    {"Authorization": f"Bearer {TOKEN[:-1]}"},
    {"Authorization": f"Bearer {TOKEN},{TOKEN}"},
    {"Authorization": "Bearer \u00e4\u00f6\u00fc"},
    {"X-Authorization": f"Bearer {TOKEN}"},
    {"Cookie": "earshot=forged.nonsense.cookie"},
)


@pytest.fixture
def app(servers, redis, database_url) -> Iterator[ConsoleApp]:
    """A console on this test's servers."""
    with console(console_settings(servers.redis_url, database_url)) as app:
        yield app


def routes(app: ConsoleApp) -> Iterator[tuple[str, str]]:
    """Go through all that the application has a rule for, with ids that are there, and their endpoints."""
    for rule in app.url_map.iter_rules():
        yield re.sub(r"<(?:\w+:)?(\w+)>", lambda one: "WC-0" if one[1] == "call_id" else "1", rule.rule), rule.endpoint


@pytest.mark.parametrize("headers", WRONG, ids=str)
def test_no_rule_shows_anything_without_a_valid_token(app, database_url, headers):
    """Every rule with every method is 401 or leads to the log-in page, but what everybody may see."""
    fill_with_calls(database_url, ("WC-0",))
    assert_sees_nothing(app, headers)


def test_no_rule_shows_anything_to_a_session_that_has_ended(app, servers, database_url, monkeypatch):
    """Neither one that is twelve hours old, nor one whose token was withdrawn, sees any more than a stranger."""
    fill_with_calls(database_url, ("WC-0",))
    with console(console_settings(servers.redis_url, database_url, console_tokens=f"{TOKEN},{WITHDRAWN}")) as before:
        withdrawn = cookie_of(before, WITHDRAWN)
    now = time.time()
    with monkeypatch.context() as earlier:
        earlier.setattr("time.time", lambda: now - SESSION_HOURS * 3600 - 1)
        expired = cookie_of(app, TOKEN)
    for cookie in (withdrawn, expired):
        assert_sees_nothing(app, {"Cookie": cookie})


def assert_sees_nothing(app: ConsoleApp, headers: dict[str, str]) -> None:
    """Ask for everything in every way, and expect to be sent away."""
    client = app.test_client(use_cookies=False)
    for path, endpoint in routes(app):
        for method in METHODS:
            response = client.open(path, method=method, headers=headers)
            if endpoint not in OPEN_ENDPOINTS:
                is_sent_away = response.status_code == 303 and response.headers["Location"].startswith("/login")
                assert is_sent_away or response.status_code == 401, (method, path, response.status_code)
            assert not any(word in response.text for word in SECRET_WORDS), (method, path)


def test_what_is_open_to_all_is_known(app):
    """The log-in page, what it looks like, and the process's health: no other endpoint is open."""
    assert {"pages.login", "static", "tell_health", "tell_readiness"} == OPEN_ENDPOINTS
    assert {endpoint for _, endpoint in routes(app)} >= OPEN_ENDPOINTS


@pytest.mark.parametrize("path", ["/nothing", "/api/nothing", "/api", "/static/../app.py", "/%2e%2e/etc/passwd"])
def test_not_even_what_is_not_there_is_told_to_strangers(app, path):
    """Without a token nobody learns which paths there are."""
    assert app.test_client().get(path).status_code in (303, 401) or path.startswith("/static")


def test_a_token_opens_the_api_and_a_session_too(app):
    """Each of them shows the calls; the API answers a session without CSRF where nothing is changed."""
    assert app.test_client().get("/api/calls", headers=BEARER).status_code == 200
    client = app.test_client()
    assert log_in(client) == 303
    assert client.get("/api/calls").status_code == 200


def test_a_wrong_token_opens_no_session(app):
    """The log-in page says no, with 401, and the browser sees nothing afterwards."""
    client = app.test_client()
    assert log_in(client, "wrong") == 401
    assert client.get("/api/calls").status_code == 401


def test_a_wrong_bearer_is_refused_even_with_a_session(app):
    """Who sends a token is judged by it."""
    client = app.test_client()
    log_in(client)
    assert client.get("/api/calls", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_a_session_ends_with_its_token(servers, redis, database_url):
    """Once the token that opened it is withdrawn it is worth nothing, while those of other tokens go on."""
    ours, theirs = "the-first-token-of-two", "another-token-of-two"
    both = console_settings(servers.redis_url, database_url, console_tokens=f"{ours},{theirs}")
    with console(both) as app:
        cookies = {token: cookie_of(app, token) for token in (ours, theirs)}
    left = console_settings(servers.redis_url, database_url, console_tokens=f"{ours}")
    with console(left) as app:
        client = app.test_client(use_cookies=False)
        answers = {token: client.get("/api/calls", headers={"Cookie": cookies[token]}) for token in cookies}
    assert (answers[ours].status_code, answers[theirs].status_code) == (200, 401)


def cookie_of(app: ConsoleApp, token: str) -> str:
    """Log in with a token and give the cookie."""
    client = app.test_client()
    assert log_in(client, token) == 303
    cookie = client.get_cookie("earshot")
    assert cookie
    return f"earshot={cookie.value}"


def test_a_session_expires(app, monkeypatch):
    """Twelve hours after the log-in one has to log in again, whatever was asked for meanwhile."""
    client = app.test_client()
    log_in(client)
    opened_at = time.time()
    monkeypatch.setattr("time.time", lambda: opened_at + SESSION_HOURS * 3600 - 60)
    assert client.get("/api/calls").status_code == 200
    with client.session_transaction() as session:
        session["csrf_token"] = "signed anew, as by any page that writes it"
    monkeypatch.setattr("time.time", lambda: opened_at + SESSION_HOURS * 3600 + 60)
    assert client.get("/api/calls").status_code == 401


def test_a_session_that_somebody_else_signed_is_none(app):
    """A cookie signed with another key is not believed, nor is one of our key without a holder."""
    cookies = {
        "of another key": signed(app, b"another key", {"holder": "x", "opened_at": int(time.time())}),
        "without a holder": signed(app, app.secret_key, {"opened_at": int(time.time())}),
        "of nobody": signed(app, app.secret_key, {"holder": "x", "opened_at": int(time.time())}),
        "spoilt": cookie_of(app, TOKEN) + "x",
    }
    client = app.test_client(use_cookies=False)
    answers = {name: client.get("/api/calls", headers={"Cookie": cookie}) for name, cookie in cookies.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(cookies, 401)


def signed(app: ConsoleApp, key: bytes, content: dict) -> str:
    """Make a cookie as somebody who has a key would."""
    signer = ConsoleApp.session_interface
    ours, app.secret_key = app.secret_key, key
    serializer = signer.get_signing_serializer(app)
    app.secret_key = ours
    return f"earshot={serializer.dumps(content)}"


def test_logging_out_ends_the_session(app):
    """The cookie is gone from the browser; logging out needs the page's token like every form."""
    client = app.test_client()
    log_in(client)
    assert client.post("/logout").status_code == 400
    assert client.get("/api/calls").status_code == 200
    token = csrf_of(app, client)
    assert client.post("/logout", headers={"X-CSRFToken": token}).status_code == 303
    assert client.get("/api/calls").status_code == 401


def csrf_of(app: ConsoleApp, client: FlaskClient) -> str:
    """Give what the session's own pages send along."""
    return form_token(client.get("/calls").text)


def test_a_session_changes_something_with_its_own_token_only(app, redis):
    """A replay ordered by a session without X-CSRFToken, or with a wrong one, is refused; a bearer needs none."""
    client = app.test_client()
    log_in(client)
    order = {"source": "dead_letters", "all": True, "dry_run": True}
    for headers in ({}, {"X-CSRFToken": "wrong"}, {"X-CSRFToken": ""}):
        response = client.post("/api/replays", json=order, headers=headers)
        assert (response.status_code, response.content_type) == (400, "application/json")
    assert client.post("/api/replays", json=order, headers={"X-CSRFToken": csrf_of(app, client)}).status_code == 200
    assert app.test_client().post("/api/replays", json=order, headers=BEARER).status_code == 200


@pytest.mark.parametrize(
    ("url", "flags"), [(None, ("earshot=",)), ("https://e.example", ("__Host-earshot=", "Secure"))]
)
def test_the_cookie_is_for_us_alone(servers, redis, database_url, url, flags):
    """No script reads it, no other site sends it, and over HTTPS it goes over nothing else."""
    with console(console_settings(servers.redis_url, database_url, console_url=url)) as app:
        client = app.test_client()
        base = url or "http://localhost"
        token = form_token(client.get("/login", base_url=base).text)
        response = client.post("/login", data={"token": TOKEN, "csrf_token": token}, base_url=base)
    cookie = response.headers["Set-Cookie"]
    assert all(flag in cookie for flag in ("HttpOnly", "SameSite=Lax", "Path=/", *flags))
    assert "Domain" not in cookie
    assert TOKEN not in cookie


def test_every_answer_forbids_what_pages_do_not_need(app):
    """No answer is kept by caches, shown in frames, sniffed, or loads anything from elsewhere."""
    for path in ("/login", "/api/calls", "/api/nothing", "/healthz"):
        headers = app.test_client().get(path, headers=BEARER).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]


def test_no_log_line_holds_a_token_or_an_id(app, caplog):
    """Requests are told by their rule, whoever asks for whatever."""
    caplog.set_level("INFO", "earshot")
    client = app.test_client()
    log_in(client, "a-wrong-token")
    log_in(client)
    client.get("/api/calls/WC-secret-id/messages", headers=BEARER)
    client.get("/api/calls/WC-secret-id", headers={"Authorization": "Bearer a-wrong-token"})
    client.get("/api/failed?call_id=WC-secret-id&search=secret-id", headers=BEARER)
    told = " ".join(f"{record.getMessage()} {getattr(record, 'fields', '')}" for record in caplog.records)
    assert "/api/calls/<id:call_id>/messages" in told
    assert not any(word in told for word in (TOKEN, "a-wrong-token", "secret-id"))
