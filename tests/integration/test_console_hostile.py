"""Whatever is asked for, and whatever is stored: an answer that makes sense, and never a fault of ours."""

import csv
import io
import json
from urllib.parse import quote

import pytest

from tests.consoles import BEARER, RunningConsole, console, console_settings, get, running_console
from tests.dead_letters import fail, publish

TEXTS = (
    *(
        "a/b",
        "/",
        "//",
        "a/",
        "..",
        "../../etc/passwd",
        "%2e%2e%2f",
        "a%00b",
        "a\0b",
        "\0",
        "a\nb",
        "\r\nSet-Cookie: a=b",
    ),
    *(
        "x" * 10_000,
        "\u202eevil\u202c",
        "\U0001f469\u200d\U0001f4bb" * 50,
        "'; drop table calls; --",
        "<script>alert(1)</script>",
    ),
    *("{{7*7}}", "%(call_id)s", "\ufffe\uffff", "\x1b[31m", "null", "-1", "1e999", " ", "=1+1", "\u0000" * 3, "\udc80"),
)
PATHS = (
    "/api/calls/{}",
    "/api/calls/{}/messages",
    "/api/calls/WC-1/messages/{}/revisions",
    "/api/calls/{}/turns",
    "/api/calls/{}/statuses",
    "/api/calls/{}/interruptions",
    "/api/calls/{}/incidents",
    "/api/calls/{}/sentiments",
    "/api/calls/{}/alerts",
    "/api/calls/{}/nothing",
    "/api/{}",
    "/{}",
    "/calls/{}",
    "/static/{}",
    "/api/calls?search={}",
    "/api/calls?status={}",
    "/api/calls?assistant_id={}&team_id={}",
    "/api/calls?since={}",
    "/api/calls?limit={}",
    "/api/calls?cursor={}",
    "/api/calls?format={}",
    "/api/calls?slow={}",
    "/api/calls?{}={}",
    "/api/failed?stage={}",
    "/api/failed?error={}",
    "/api/failed?call_id={}&event_id={}",
    "/api/failed?until={}",
    "/api/failed?cursor={}",
    "/api/quarantine?reason={}&event_id={}",
    "/api/queues?cursor={}",
    "/api/assistants?cursor={}",
    "/api/replays?cursor={}",
    "/api/alerts?rule={}&call_id={}",
    "/api/alerts?state={}",
    "/api/alerts?cursor={}",
    "/api/silences?cursor={}",
    "/alerts?rule={}",
    "/alerts/silence?rule={}",
)
MOMENTS = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2026-01-01T00:00:00+15:59",
)


@pytest.fixture(scope="module")
def running(servers, tmp_path_factory) -> RunningConsole:
    """The program on a database with one call."""
    url = servers.create_database("console_hostile", "earshot_template")
    with running_console(servers, url, tmp_path_factory.mktemp("console") / "log") as running:
        yield running
    servers.drop_database("console_hostile")


@pytest.mark.parametrize("path", PATHS)
def test_whatever_is_asked_has_an_answer(running, path):
    """200, 303, 404 or 422, in JSON where it is the API, over a real connection, for every text."""
    for text in TEXTS:
        asked = path.replace("{}", quote(text, safe="", errors="surrogateescape"))
        status, headers, body = running.ask(asked)
        assert status in (200, 303, 404, 405, 422), (text, status, body[:300])
        if path.startswith("/api/"):
            assert headers["content-type"] == "application/json", text
        assert "a=b" not in headers.get("set-cookie", "")
    assert "console.failed" not in running.log.read_text()


@pytest.mark.parametrize("moment", MOMENTS)
def test_every_moment_can_be_asked_for(running, moment):
    """Those at the ends of the calendar, in any zone, are answered, or refused as out of range."""
    for path in ("/api/alerts", "/api/calls", "/api/failed", "/api/quarantine"):
        for name in ("since", "until"):
            status, _, body = running.ask(f"{path}?{name}={quote(moment)}")
            assert status in (200, 422), body


@pytest.mark.parametrize("text", [text for text in TEXTS if text and "\0" not in text and "\udc80" not in text])
def test_whatever_is_stored_is_told_as_it_is(servers, redis, database, database_url, text):
    """A hostile id, text or name comes back unchanged in JSON, NDJSON and CSV, and leads to its own parts."""
    database.execute("insert into calls (call_id, assistant_name) values (%s, %s)", (text, text))
    database.execute(
        "insert into messages (call_id, message_id, text, version, fingerprint) values (%s, %s, %s, '{1,1,1,1}', 1)",
        (text, text, text),
    )
    fail(redis, publish(redis, text.encode(), "metrics", call_id=text), "metrics")
    with console(console_settings(servers.redis_url, database_url)) as app:
        client = app.test_client()
        assert get(client, "/api/calls")["calls"][0]["assistant_name"] == text
        (line,) = client.get("/api/calls?format=ndjson", headers=BEARER).text.splitlines()[:1] or [""]
        assert json.loads(line)["call_id"] == text
        rows = list(csv.DictReader(io.StringIO(client.get("/api/calls?format=csv", headers=BEARER).text, newline="")))
        assert rows[0]["call_id"].removeprefix("'") == text.removeprefix("'")
        assert get(client, "/api/failed", limit=1)["failed"][0]["call_id"] == text
        if len(text) < 1000 and text.strip("./"):
            (message,) = get(client, f"/api/calls/{quote(text, safe='')}/messages")["messages"]
            assert (message["message_id"], message["text"]) == (text, text)


def test_a_formula_in_an_export_is_a_text(servers, redis, database, database_url):
    """What a spreadsheet would run stands behind an apostrophe."""
    for number, text in enumerate(('=HYPERLINK("x")', "+1", "-1", "@a", "\tb", "\rc")):
        database.execute("insert into calls (call_id, assistant_name) values (%s, %s)", (str(number), text))
    with console(console_settings(servers.redis_url, database_url)) as app:
        export = app.test_client().get("/api/calls?format=csv", headers=BEARER).text
    names = [row["assistant_name"] for row in csv.DictReader(io.StringIO(export, newline=""))]
    assert [name[0] for name in names] == ["'"] * 6
