"""The console in a real browser, on everything that `earshot up` starts: as the people who use it see it."""

import os
import re
import signal
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Stand
from tests.calls import assistant, conversation_update, end_of_call_report, status_update, user, welcome
from tests.programs import wait_for

HOSTILE = (
    "<script>window.hacked = true</script><img src=x onerror='window.hacked = true'>",
    "\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd \U0001f600\U0001f3fd <end_call>",
    "long" * 2500,
)
REPLAYED = "The words that are not taken at first."


@pytest.fixture
def call_id() -> str:
    return f"WC-{uuid4()}"


def begin(stand: Stand, call_id: str, *messages: dict) -> None:
    """Let a call be under way, with these messages behind the greeting."""
    stand.poster.post(status_update("ongoing", call_id=call_id))
    stand.poster.post(conversation_update([welcome(), *messages], call_id=call_id))


def open_call(page: Page, rows: psycopg.Connection, call_id: str, messages: int = 1) -> None:
    """Open a call's page once so many messages are stored."""
    count = "select count(*) from messages where call_id = %s"
    wait_for(lambda: rows.execute(count, (call_id,)).fetchone() == (messages,))
    page.goto(f"/calls/{call_id}")


def test_only_a_token_opens_the_console(visitor: Page, stand: Stand):
    """A stranger is led to the log-in page, a wrong token is told of, and the right one leads where one was going."""
    visitor.goto("/calls?status=ongoing")
    visitor.get_by_role("textbox", name="Token").fill("not a token")
    visitor.get_by_role("button", name="Log in").click()
    expect(visitor.get_by_role("alert")).to_be_visible()
    visitor.get_by_role("textbox", name="Token").fill(stand.token)
    visitor.get_by_role("button", name="Log in").click()
    expect(visitor).to_have_url(f"{stand.url}/calls?status=ongoing")
    visitor.get_by_role("button", name="Log out").click()
    expect(visitor.get_by_role("textbox", name="Token")).to_be_visible()
    visitor.goto("/calls")
    expect(visitor.get_by_role("textbox", name="Token")).to_be_visible()


def test_a_call_appears_while_one_watches(page: Page, stand: Stand, call_id: str):
    """A new call is on the open page without a reload, and leaves the calls in progress when it ends."""
    page.evaluate("window.isSamePage = true")
    begin(stand, call_id, user(1, text="Is anybody there?"))
    row = page.locator("#live-calls").get_by_role("listitem").filter(has_text="Is anybody there?")
    expect(row).to_be_visible()
    end = status_update("finished", call_id=call_id, endAt="2026-03-05T09:22:10.000Z")
    stand.poster.post(end)
    expect(row).to_have_count(0)
    assert page.evaluate("window.isSamePage")


def test_a_call_grows_while_one_reads_it(page: Page, stand: Stand, rows: psycopg.Connection, call_id: str):
    """Messages, an interruption and a corrected wording come in on the open page, and the latency of the reply."""
    begin(stand, call_id)
    open_call(page, rows, call_id)
    page.evaluate("window.isSamePage = true")
    history = [welcome(), user(1, text="I wood like to come.")]
    stand.poster.post(conversation_update(history, call_id=call_id))
    expect(page.get_by_text("I wood like to come.")).to_be_visible()
    history = [welcome(), user(1, text="I would like to come."), assistant(1, text="On which day?", llm_ms=4200)]
    stand.poster.post(conversation_update(history, call_id=call_id))
    expect(page.get_by_text("I would like to come.")).to_be_visible()
    expect(page.get_by_text("On which day?")).to_be_visible()
    expect(page.locator(".waterfall .verdict").first).to_contain_text("LLM 4.2")
    page.get_by_text("1 earlier wording").click()
    expect(page.get_by_text("I wood like to come.")).to_be_visible()
    cut = {"messageId": "user-1-cut-1", "text": "We are closed on Sundays, so"}
    stand.poster.post(conversation_update([*history, user(2, text="Monday!", skipped=[cut])], call_id=call_id))
    expect(page.get_by_text("Monday!")).to_be_visible()
    expect(page.get_by_text("We are closed on Sundays, so").first).to_be_visible()
    expect(page.get_by_text("cut in", exact=True)).to_be_visible()
    assert page.evaluate("window.isSamePage")


def test_a_page_goes_on_after_the_console_was_killed(page: Page, stand: Stand, rows: psycopg.Connection, call_id: str):
    """An open page tells that it is not live, and catches up by itself with what it missed."""
    begin(stand, call_id)
    open_call(page, rows, call_id)
    os.kill(stand.command.process_of("earshot console"), signal.SIGKILL)
    expect(page.locator("#connection")).to_contain_text("not live")
    stand.poster.post(conversation_update([welcome(), user(1, text="Said meanwhile.")], call_id=call_id))
    expect(page.get_by_text("Said meanwhile.")).to_be_visible(timeout=30_000)


def test_a_slow_turn_is_found_from_the_chart(page: Page, stand: Stand, rows: psycopg.Connection, call_id: str):
    """From a point of the percentile lines to the calls behind it, and to the turn and the part that was slow."""
    history = [welcome(), user(1, text="Why so slow?"), assistant(1, llm_ms=9100)]
    begin(stand, call_id, *history[1:])
    stand.poster.post(end_of_call_report(history, call_id=call_id))
    figures = "select count(*) from call_figures where call_id = %s and slowest_turn_ms > 9000"
    wait_for(lambda: rows.execute(figures, (call_id,)).fetchone() == (1,), seconds=40)
    point = page.locator("main svg a:visible").last
    wait_for(lambda: page.goto("/latency") and point.count(), seconds=40)
    point.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/calls\?"))
    page.get_by_label("slow").check()
    page.get_by_role("button", name="Show").click()
    page.locator(f"a[href*='{call_id}']").first.click()
    expect(page.locator(".waterfall.is-slow .verdict")).to_contain_text("LLM 9.1")


def test_a_failed_job_is_replayed(page: Page, stand: Stand, rows: psycopg.Connection, call_id: str):
    """A dead letter is listed with its reason; replayed after a preview, its words are in the call."""
    rows.execute(f"alter table messages add constraint refused check (text <> '{REPLAYED}')")
    try:
        begin(stand, call_id, user(1, text=REPLAYED))
        row = page.get_by_role("row").filter(has_text="CheckViolation").first
        wait_for(lambda: page.goto("/operations") and row.count(), seconds=40)
        expect(page.locator("#dead-letters")).to_contain_text("transcripts")
    finally:
        rows.execute("alter table messages drop constraint refused")
    page.get_by_role("link", name="Replay all dead letters…").click()
    expect(page.get_by_text("Nothing has been changed yet.")).to_be_visible()
    page.get_by_role("button", name="Replay 1 of 1").click()
    expect(page.get_by_text("Done.")).to_be_visible()
    open_call(page, rows, call_id, messages=2)
    expect(page.get_by_text(REPLAYED)).to_be_visible()


def test_what_is_said_is_shown_as_text(page: Page, stand: Stand, rows: psycopg.Connection, call_id: str):
    """Markup, other directions, emoji and endless words are text, and neither run nor widen the page."""
    said = [user(number, text=text) for number, text in enumerate(HOSTILE, start=1)]
    begin(stand, call_id, *said)
    open_call(page, rows, call_id, messages=1 + len(said))
    for text in HOSTILE:
        expect(page.get_by_text(text[:60]).first).to_be_visible()
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert not page.evaluate("window.hacked")
