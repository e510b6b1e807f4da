"""The pages of latency and interruptions on a real database: figures, and links that lead to the calls behind them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from random import Random

import pytest
from flask.testing import FlaskClient

from console.pages.labels import LABELS
from shared.settings import Settings
from tests.calls import (
    ASSISTANT,
    STARTED_AT_MS,
    assistant,
    conversation_update,
    end_of_call_report,
    user,
    welcome,
)
from tests.consoles import BEARER, console, console_settings
from tests.stage_runs import Stages
from workers.figures import FiguresKeeper

STARTED_AT = datetime.fromtimestamp(STARTED_AT_MS / 1000, UTC)
PERIOD = {"since": "2026-03-01T00:00", "until": "2026-03-08T00:00"}
CUT_SHORT = "I was going to say <b>something</b> quite long"
NO_DATABASE = "postgresql://nobody@127.0.0.1:1/nothing"
PAGES = ("/latency", "/interruptions")


@pytest.fixture
def client(servers, redis, database_url) -> Iterator[FlaskClient]:
    """A client of a console that knows some calls of two assistants and two models, on two days, some of them slow."""
    with Stages(database_url) as stages:
        for number in range(12):
            day, model = STARTED_AT + timedelta(days=number % 2, hours=number % 3), ("m0", "m1")[number % 4 // 2]
            call = {"startAt": day.isoformat(), "assistantId": f"A{number % 2}"}
            parts = {"call_id": f"call-{number}", "assistant": {**ASSISTANT, "assistantModel": model}}
            messages = [welcome(), *talk(Random(number), llm_ms=9000 if number == 1 else 800)]
            stages.send(conversation_update(messages, call=call, **parts), end_of_call_report(call=call, **parts))
        keeper = FiguresKeeper(stages.database(), Settings())
        while any(keeper.run_step()):
            pass
    with console(console_settings(servers.redis_url, database_url)) as app:
        yield app.test_client()


def talk(random: Random, llm_ms: int) -> Iterator[dict]:
    """Make up some turns, of which the assistant is cut short in the first."""
    for number in range(1, 6):
        yield user(number, skipped=[{"text": CUT_SHORT}] if number == 1 else [])
        yield assistant(number, text=CUT_SHORT if number == 2 else "Yes.", llm_ms=llm_ms + random.randrange(100))


def look(client: FlaskClient, path: str, code: int = 200, /, **query: str) -> str:
    """Ask for a page, and expect a status; gives the page."""
    response = client.get(path, query_string=query or None, headers=BEARER)
    assert (response.status_code, path) == (code, path), response.text
    assert "style=" not in response.text
    return response.text


def words(page: str) -> str:
    """Give the words of a page, without its marks."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def rows(page: str, label: str) -> list[list[str]]:
    """Read the cells of the table of that name: the address that the first one leads to, then the words of all."""
    (table,) = re.findall(rf'aria-label="{label}".*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in table.split("</tr>")[:-1]]
    hrefs = [re.findall(r'href="([^"]*)"', row[0]) for row in cells]
    return [[unescape((href or [""])[0]), *map(words, row)] for href, row in zip(hrefs, cells, strict=True)]


def calls_listed(client: FlaskClient, path: str) -> int:
    """Count the calls of the list that a link leads to."""
    return look(client, path).count('<th scope="row"><a href="/calls/')


def test_key_figures_are_those_of_the_calls(client):
    """Percentiles, how many turns are measured of how many, and how many calls there were."""
    told = words(look(client, "/latency", **PERIOD))
    assert "60 of 60 turns" in told
    assert "Calls 12" in told
    assert re.search(r"p90 of turn latency [\d.]+ (m?s)\b", told)
    assert "slow begins at 3.0 s" in told


def test_each_hour_leads_to_the_calls_behind_it(client):
    """The list that a point leads to has exactly as many calls as the point says."""
    listed = rows(look(client, "/latency", **PERIOD), "Turn latency by hour, the newest first")
    assert sum(int(row[-2]) for row in listed) == 12
    for href, *_, calls, _ in listed:
        assert calls_listed(client, href) == int(calls)


def test_a_slow_hour_leads_to_its_slow_calls_in_words(client):
    """Of an hour in which a turn in a hundred is slow, a link of its own asks for the calls with slow turns."""
    page = look(client, "/latency", **PERIOD)
    listed = rows(page, "Turn latency by hour, the newest first")
    (slow,) = {unescape(href) for href in re.findall(r'href="([^"]*)">only the slow ones', page)} & {
        row[0] + "&slow=true" for row in listed
    }
    assert calls_listed(client, slow) == 1


def test_points_and_table_lead_to_the_same_calls(client):
    """What the chart tells by links in its drawing, the table below tells too."""
    page = look(client, "/latency", **PERIOD)
    drawing = page[: page.index('over-time-table">\n<summary')]
    drawn = {unescape(href) for href in re.findall(r'<a href="(/calls[^"]*)"><title>', drawing)}
    assert drawn == {row[0] for row in rows(page, "Turn latency by hour, the newest first")}


@pytest.mark.parametrize("by", ["assistant", "model"])
def test_a_breakdown_leads_to_the_calls_of_each(client, by):
    """Turns and calls are told apart, and each link lists the calls it is about."""
    listed = rows(look(client, "/latency", **PERIOD), f"Turn latency by {by}")
    assert sum(int(row[-2]) for row in listed) == 12
    for href, *_, calls, _ in listed:
        assert calls_listed(client, href) == int(calls)


def test_filters_hold_for_all_of_a_page(client):
    """One assistant's calls alone: in the figures, in the chart's links and in the other breakdown."""
    page = look(client, "/latency", assistant_id="A0", by="day", **PERIOD)
    listed = rows(page, "Turn latency by day, the newest first")
    assert {row[-2] for row in listed} == {"6"}
    assert all("assistant_id=A0" in row[0] for row in listed + rows(page, "Turn latency by model"))


def test_interruptions_are_told_per_call_and_per_message(client):
    """Every call has one interruption and six messages of the assistant."""
    told = words(look(client, "/interruptions", **PERIOD))
    assert "Interruptions 12 Per call 1.00 Per 100 messages of the assistant 16.7" in told
    assert "12 of 12 calls" in told


def test_an_interrupted_text_leads_to_the_calls_it_was_said_in(client):
    """The text is shown as text, however hostile, and a link says that it searches for it."""
    page = look(client, "/interruptions", **PERIOD)
    ((_, text, number, _, calls, _),) = rows(page, "Texts, the most interrupted first")
    (href,) = map(unescape, re.findall(r'href="([^"]*)">search for it', page))
    assert (text, number, calls) == (CUT_SHORT, "12", "12")
    assert "<b>something" not in page
    assert calls_listed(client, href) == 12


def test_an_hour_of_interruptions_leads_to_the_interrupted_calls(client):
    """Its number of them does, and its name to all calls; the assistants' too."""
    page = look(client, "/interruptions", **PERIOD)
    cut_hrefs = {unescape(href) for href in re.findall(r'href="([^"]*has_interruptions=true[^"]*)"', page)}
    for label in ("Interruptions by hour, the newest first", "Interruptions by assistant"):
        for href, *_, interrupted, calls in rows(page, label):
            cut_href = f"{href}&has_interruptions=true"
            assert cut_href in cut_hrefs
            assert calls_listed(client, cut_href) == int(interrupted.split()[0])
            assert calls_listed(client, href) == int(calls)


@pytest.mark.parametrize("path", PAGES)
def test_a_time_without_calls_says_what_to_do(client, path):
    """A week without calls has no empty axes but a sentence."""
    told = words(look(client, path, since="2025-01-01T00:00", until="2025-01-08T00:00"))
    assert "No call began in this time. Choose a longer time" in told


@pytest.mark.parametrize("path", PAGES)
def test_figures_that_lag_behind_are_not_passed_off_as_new(client, database, path):
    """Nothing is said of fresh ones; of old ones it is, and who makes them."""
    assert "lag behind" not in look(client, path)
    database.execute("update followers set seen_at = now() - interval '6 minutes' where follower = 'figures'")
    assert "These figures lag behind the calls: they are as of 6 min ago" in words(look(client, path))


@pytest.mark.parametrize("path", PAGES)
def test_before_any_figures_the_page_says_who_makes_them(servers, redis, database_url, path):
    """On a fresh database the page tells of the janitor."""
    with console(console_settings(servers.redis_url, database_url)) as app:
        assert "The janitor makes them" in words(look(app.test_client(), path))


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "query",
    [
        {"range": "forever"},
        {"since": "yesterday"},
        {"since": "2026-03-08T00:00", "until": "2026-03-01T00:00"},
        {"since": "2020-01-01T00:00", "until": "2026-03-01T00:00"},
        {"until": "0001-01-01T00:00"},
        {"until": "9999-12-31T23:59-14:00"},
        {"by": "mood"},
        {"assistant_id": "\0"},
        {"llm_model": "m" * 501},
    ],
)
def test_a_question_that_makes_no_sense_is_422(client, path, query):
    """Whatever stands in the address is refused with the name of what is wrong, never answered with a fault."""
    told = words(look(client, path, 422, **query))
    assert any(f"{LABELS[name]}: " in told for name in query)


@pytest.mark.parametrize("path", PAGES)
def test_a_parameter_that_is_not_known_is_told_of(client, path):
    """The page is shown without it, and says so."""
    assert "This page knows no period" in words(look(client, path, period="24h"))
    assert "This page knows no" not in words(look(client, path, range="24h"))


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("chosen", ["24h", "7d", "30d"])
def test_every_preset_answers(client, path, chosen):
    """Each is marked as the present one."""
    assert 'aria-current="true"' in look(client, path, range=chosen)


@pytest.mark.parametrize("path", PAGES)
def test_without_its_database_the_page_says_so(servers, redis, path):
    """503 and a clear page."""
    with console(console_settings(servers.redis_url, NO_DATABASE)) as app:
        look(app.test_client(), path, 503)
