"""Every page of the console: readable by all, on a phone, in the dark, and without a request to anybody else."""

from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import PHONE, WIDE, Stand
from tests.calls import assistant, conversation_update, error, hang, status_update, user, welcome
from tests.programs import wait_for
from tests.raised_alerts import raise_alert, resolve

PAGES = (
    *("/", "/calls", "/calls/{call_id}", "/alerts", "/alerts/silence?rule=hang&call_id={call_id}"),
    *("/latency", "/interruptions", "/operations", "/operations/quarantine"),
)
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def call_id(stand: Stand) -> str:
    """A call with all that pages show."""
    named = f"WC-{uuid4()}"
    cut = {"messageId": "user-1-cut-1", "text": "We are closed on"}
    history = [
        welcome(),
        user(1, text="Hello?", confidence=0.3),
        assistant(1, llm_ms=5200),
        user(2, text="Wait!", skipped=[cut]),
        assistant(2),
    ]
    stand.poster.post(status_update("ongoing", call_id=named), conversation_update(history[:3], call_id=named))
    stand.poster.post(hang(history[:3], call_id=named), error(call_id=named))
    stand.poster.post(conversation_update(history, call_id=named))
    with psycopg.connect(stand.database_url, autocommit=True) as rows:
        count = "select count(*) from call_figures where call_id = %s and interruptions > 0 and turns_measured = 2"
        wait_for(lambda: rows.execute(count, (named,)).fetchone() == (1,), seconds=40)
        raise_alert(rows, f"critical {named}", call_id=named, message_id="user-1", severity="critical")
        raise_alert(rows, f"info {named}", subject="x" * 80, severity="info")
        raise_alert(rows, f"over {named}", call_id=named, rule="hang", is_silenced=True)
        resolve(rows, f"over {named}")
        rows.execute(
            "insert into silences (rule, ends_at, who, reason) values (%s, now() + interval '1 h', 'api', %s)",
            ("x" * 200, "y" * 500),
        )
    return named


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(page: Page, call_id: str, path: str, scheme: str):
    """Contrast, names, structure: nothing that would keep somebody out."""
    page.emulate_media(color_scheme=scheme)
    page.goto(path.format(call_id=call_id))
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in SERIOUS] == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_phone(page: Page, call_id: str, path: str):
    """What is wider than a phone scrolls by itself; the page does not."""
    page.set_viewport_size(PHONE)
    page.goto(path.format(call_id=call_id))
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.set_viewport_size(WIDE)
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDE["width"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_nobody_else_and_breaks_no_policy(page: Page, stand: Stand, call_id: str, path: str):
    """All requests go to the console, and the browser has nothing to complain of."""
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda failure: complaints.append(str(failure)))
    page.goto(path.format(call_id=call_id))
    page.wait_for_load_state("load")
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {urlsplit(stand.url).netloc}
    assert complaints == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_begins_with_a_way_past_its_navigation(page: Page, call_id: str, path: str):
    """The first stop of the keyboard leads to the content, which has one heading above all others."""
    page.goto(path.format(call_id=call_id))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    assert page.locator("h1").count() == 1
