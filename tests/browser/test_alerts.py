"""Alerts in a real browser: they appear while one looks, and are acknowledged by hand or by keyboard."""

from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Stand
from tests.calls import conversation_update, status_update, user, welcome
from tests.programs import wait_for
from tests.raised_alerts import raise_alert, resolve
from workers.alerting.keeper import LOCK

HOSTILE = "<img src=x onerror='window.hacked = true'> \u202eevil\u202c " + "long" * 50
LOOK_MS = 20_000


@pytest.fixture(autouse=True)
def janitor_looks_away(rows: psycopg.Connection) -> None:
    """Keep the running janitor from resolving what no rule of its own has raised."""
    rows.execute("select pg_advisory_lock(%s)", (LOCK,))


@pytest.fixture
def alert_id() -> str:
    return uuid4().hex


@pytest.fixture
def call_id(stand: Stand, rows: psycopg.Connection) -> str:
    """A call that goes on, with an angry caller."""
    named = f"WC-{uuid4()}"
    said = [welcome(), user(1, text="This is terrible, I hate it!")]
    stand.poster.post(status_update("ongoing", call_id=named), conversation_update(said, call_id=named))
    moods = "select count(*) from sentiments where call_id = %s"
    wait_for(lambda: rows.execute(moods, (named,)).fetchone() == (1,))
    return named


def test_an_alert_appears_on_the_open_page_of_its_call(page: Page, rows, call_id: str, alert_id: str):
    """And goes on to say that it is over, without a reload; the mood of the words stands beside them."""
    page.goto(f"/calls/{call_id}")
    page.evaluate("window.isSamePage = true")
    expect(page.locator("#message-user-1")).to_contain_text("negative")
    raise_alert(rows, alert_id, call_id=call_id, message_id="user-1", severity="critical")
    alert = page.locator(f"#alert-{alert_id}")
    expect(alert).to_contain_text("open for", timeout=LOOK_MS)
    resolve(rows, alert_id)
    expect(alert).to_contain_text("over, lasted", timeout=LOOK_MS)
    assert page.evaluate("window.isSamePage")


def test_alerts_appear_and_end_on_the_open_page(page: Page, rows, alert_id: str):
    """The badge counts them; what is over moves down to the others."""
    page.goto("/alerts")
    page.evaluate("window.isSamePage = true")
    raise_alert(rows, alert_id, rule=f"rule_{alert_id}")
    expect(page.locator(f"#open-alerts #alert-{alert_id}")).to_be_visible(timeout=LOOK_MS)
    expect(page.locator("#alerts-waiting")).to_be_visible()
    resolve(rows, alert_id)
    expect(page.locator(f"#listed-alerts #alert-{alert_id}")).to_be_visible(timeout=LOOK_MS)
    assert page.evaluate("window.isSamePage")


def test_an_alert_is_acknowledged_with_the_mouse(page: Page, rows, call_id: str, alert_id: str):
    """On the page of its call, which is shown again."""
    raise_alert(rows, alert_id, call_id=call_id)
    page.goto(f"/calls/{call_id}")
    page.get_by_role("button", name="Acknowledge angry caller").click()
    expect(page.locator(f"#alert-{alert_id}")).to_contain_text("acknowledged by console")
    assert page.url.endswith(f"/calls/{call_id}")


def test_an_alert_is_acknowledged_and_silenced_with_the_keyboard(page: Page, rows, alert_id: str):
    """From the list of alerts, with nothing but keys; the silence is ended in the same way."""
    raise_alert(rows, alert_id, rule=f"rule_{alert_id}")
    page.goto(f"/alerts?rule=rule_{alert_id}")
    page.get_by_role("button", name="Acknowledge").focus()
    page.keyboard.press("Enter")
    alert = page.locator(f"#alert-{alert_id}")
    expect(alert).to_contain_text("acknowledged by console")
    alert.get_by_role("link", name="Silence").focus()
    page.keyboard.press("Enter")
    page.get_by_label("1 hour").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("They know.")
    page.keyboard.press("Enter")
    silence = page.locator("#silences").get_by_role("listitem").filter(has_text=alert_id)
    expect(silence).to_contain_text("They know.")
    expect(silence).to_contain_text("in 3 h")
    silence.get_by_role("button", name="End").focus()
    page.keyboard.press("Enter")
    expect(silence).to_have_count(0)


def test_a_silence_is_told_at_the_top_of_the_open_page(page: Page, rows, alert_id: str):
    """Without a reload, as long as it holds; it may be of a rule that has raised nothing."""
    page.goto("/alerts")
    row = rows.execute(
        "insert into silences (rule, ends_at, who) values (%s, now() + interval '1 h', 'w') returning silence_id",
        (f"rule_{alert_id}",),
    ).fetchone()
    silenced = page.locator("#silenced")
    expect(silenced).to_contain_text(f"rule {alert_id} until", timeout=LOOK_MS)
    silenced.get_by_role("link", name="Silences").click()
    expect(page.locator("#silences")).to_be_in_viewport()
    rows.execute("update silences set ends_at = now() where silence_id = %s", row)
    expect(silenced).not_to_contain_text(alert_id, timeout=LOOK_MS)


def test_a_rule_is_silenced_by_its_name(page: Page, alert_id: str):
    """What is no name is not even sent."""
    page.goto("/alerts/silence")
    field = page.get_by_label("Rule")
    field.fill("hang rate")
    page.get_by_role("button", name="Silence").click()
    assert page.url.endswith("/alerts/silence")
    field.fill(f"rule_{alert_id}")
    page.get_by_role("button", name="Silence").click()
    expect(page.locator("#silences")).to_contain_text(alert_id)
    page.get_by_role("button", name=f"End the silence of rule {alert_id}").click()
    expect(page.locator("#silences")).not_to_contain_text(alert_id)


def test_nothing_moves_from_under_the_hand(page: Page, rows, alert_id: str):
    """While an alert is focused a new one comes last; who chooses the first acknowledges that one."""
    raise_alert(rows, alert_id, rule=f"rule_{alert_id}")
    page.goto("/alerts")
    button = page.locator(f"#acknowledge-{alert_id}")
    button.focus()
    newer = uuid4().hex
    raise_alert(rows, newer, rule=f"rule_{newer}", severity="critical")
    expect(page.locator(f"#alert-{newer}")).to_be_visible(timeout=LOOK_MS)
    assert page.evaluate("document.activeElement.id") == f"acknowledge-{alert_id}"
    page.keyboard.press("Enter")
    expect(page.locator(f"#alert-{alert_id}")).to_contain_text("acknowledged by console")
    assert rows.execute("select acknowledged_at from alerts where alert_id = %s", (newer,)).fetchone() == (None,)


def test_hostile_texts_are_shown_as_text(page: Page, rows, alert_id: str):
    """In an alert and in a silence; and they do not widen a phone's page."""
    told = dict.fromkeys(("rule", "subject", "call_id", "message_id"), f"{HOSTILE} {alert_id}")
    raise_alert(rows, alert_id, **told, detail={"label": HOSTILE})
    rows.execute(
        "insert into silences (rule, call_id, ends_at, who, reason) values (%s, %s, now() + interval '1 h', %s, %s)",
        (HOSTILE, HOSTILE, HOSTILE, f"{HOSTILE} {alert_id}"),
    )
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/alerts")
    expect(page.locator(f"#alert-{alert_id}")).to_contain_text("<img src=x")
    expect(page.locator("#silences")).to_contain_text("<img src=x")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert not page.evaluate("window.hacked")
