"""What the pages' scripts do about a stream that is lost, a server that stands still, and a pointer over a list."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Stand
from tests.calls import conversation_update, status_update, user, welcome
from tests.programs import wait_for


@pytest.fixture
def call_ids() -> list[str]:
    return [f"WC-{uuid4()}" for _ in range(3)]


@pytest.fixture
def locked_messages(stand: Stand, rows: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A transaction that lets nobody read messages, until it is rolled back."""
    with psycopg.connect(stand.database_url) as connection:
        connection.execute("lock table messages in access exclusive mode")
        yield connection
        connection.rollback()


def begin(stand: Stand, rows: psycopg.Connection, call_id: str, *messages: dict) -> None:
    """Let a call be under way, and wait until it is stored."""
    stand.poster.post(status_update("ongoing", call_id=call_id))
    stand.poster.post(conversation_update([welcome(), *messages], call_id=call_id))
    count = "select count(*) from messages where call_id = %s"
    wait_for(lambda: rows.execute(count, (call_id,)).fetchone() == (1 + len(messages),))


def shown_ids(page: Page) -> list[str]:
    """Name the calls in progress from top to bottom."""
    return page.locator("#live-calls > li").evaluate_all("rows => rows.map(row => row.id.slice('live-'.length))")


def test_rows_stay_where_they_are_under_the_pointer(page: Page, stand: Stand, rows, call_ids):
    """What is said is shown in place, and a new call comes last; once the pointer leaves the newest come first."""
    first, second, new = call_ids
    for call_id in (first, second):
        begin(stand, rows, call_id)
    page.reload()
    wait_for(lambda: {first, second} <= set(shown_ids(page)))
    before = shown_ids(page)
    lowest = before[-1]
    # Known to be pointed at for as long as the test takes.
    page.locator(f"#live-{lowest}").hover()
    page.evaluate(
        "setInterval(() => document.querySelector('#calls').dispatchEvent(new PointerEvent('pointermove',"
        " {bubbles: true})), 500)"
    )
    begin(stand, rows, lowest, user(1, text="Said under the pointer."))
    begin(stand, rows, new)
    expect(page.get_by_text("Said under the pointer.")).to_be_visible()
    wait_for(lambda: new in shown_ids(page))
    assert shown_ids(page) == [*before, new]


def test_rows_come_into_order_when_the_pointer_leaves(page: Page, stand: Stand, rows, call_ids):
    """The newest activity first, without any further event."""
    first, second, _ = call_ids
    for call_id in (first, second):
        begin(stand, rows, call_id)
    page.reload()
    wait_for(lambda: {first, second} <= set(shown_ids(page)))
    lowest = shown_ids(page)[-1]
    page.locator(f"#live-{lowest}").hover()
    begin(stand, rows, lowest, user(1), user(2), user(3, text="Said under the pointer."))
    expect(page.get_by_text("Said under the pointer.")).to_be_visible()
    page.mouse.move(0, 0)
    wait_for(lambda: shown_ids(page)[0] == lowest)


def test_a_page_says_that_postgresql_does_not_answer(page: Page, stand: Stand, rows, call_ids, request):
    """The stream is there, but it cannot tell of anything; when it can again, the page says so."""
    begin(stand, rows, call_ids[0])
    page.goto(f"/calls/{call_ids[0]}")
    expect(page.locator("#connection")).to_have_text("live")
    lock = request.getfixturevalue("locked_messages")
    expect(page.locator("#connection")).to_have_text("not live: PostgreSQL does not answer", timeout=15_000)
    lock.rollback()
    expect(page.locator("#connection")).to_have_text("live", timeout=15_000)


def test_a_call_that_is_over_is_not_said_to_be_live(page: Page, stand: Stand, rows, call_ids):
    """Nothing more is expected of it."""
    begin(stand, rows, call_ids[0])
    page.goto(f"/calls/{call_ids[0]}")
    expect(page.locator("#connection")).to_have_text("live")
    stand.poster.post(status_update("finished", call_id=call_ids[0], endAt="2026-03-05T09:22:10.000Z"))
    expect(page.locator("#connection")).to_be_hidden()
