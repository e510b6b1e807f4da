"""Silences on the page of alerts, and the form that begins one, as a browser gets them."""

from collections.abc import Iterator
from datetime import UTC

import pytest

from tests.browsing import Browser, Page, browsing
from tests.consoles import console_settings
from tests.raised_alerts import raise_alert

CALL = "WC-1"


@pytest.fixture
def browser(servers, redis, database_url) -> Iterator[Browser]:
    """Somebody who has logged in."""
    with browsing(console_settings(servers.redis_url, database_url)) as somebody:
        yield somebody.log_in()


@pytest.mark.parametrize("path", ["/alerts?state=nope", "/alerts?cursor=xx"])
def test_of_silences_nothing_is_said_where_nothing_was_looked_up(browser, path):
    """Though one holds; nor does such a page ask anew for what it cannot have."""
    browser.send("/alerts/silences", 303, rule="slow", for_seconds="3600")
    page = browser.get(path, 422)
    assert "Nothing was looked for" in page.texts["problem"]
    assert "silences" not in page.texts
    assert "alerts.js" not in page.html


def test_a_rule_is_silenced_from_an_alert(browser, database):
    """The form knows the rule and the call; the silence is listed, and can be ended."""
    raise_alert(database, "a", call_id=CALL)
    page = browser.get(browser.get("/alerts").link("Silence…<span[^>]*>[^<]*</span>"))
    assert [one["value"] for one in page.all("input", name="rule")] == ["angry_caller"]
    assert {one["value"] for one in page.all("input", name="call_id")} == {"", CALL}
    fields = {"rule": "angry_caller", "call_id": CALL, "for_seconds": "14400", "reason": "they know"}
    browser.send("/alerts/silences", 303, **fields)
    page = browser.get("/alerts")
    assert all(words in page.texts["silences"] for words in ("angry caller", "one call", "they know", "in 3 h"))
    (button,) = page.all("button", name="silence_id")
    browser.send("/alerts/silences/endings", 303, silence_id=button["value"])
    assert "No silence holds" in browser.get("/alerts").texts["silences"]


def test_every_rule_can_be_silenced(browser, database):
    """In words of its own; no rule at all is refused, and the form keeps what was written."""
    refused = browser.send("/alerts/silences", 422, rule="", for_seconds="3600", reason="why not")
    assert "Rule: must be told." in refused.text
    assert 'value="why not"' in refused.text
    browser.send("/alerts/silences", 303, rule="all rules", for_seconds="3600")
    assert database.execute("select rule, call_id, who from silences").fetchall() == [("", "", "console")]
    assert "All rules" in browser.get("/alerts").texts["silences"]


def test_a_rule_is_silenced_that_has_raised_nothing_yet(browser, database):
    """Those that have are proposed, but for that of tests."""
    for rule in ("slow", "test"):
        raise_alert(database, rule, rule=rule)
    page = browser.get("/alerts/silence")
    assert [one["value"] for one in page.all("option")] == ["all rules", "slow"]
    browser.send("/alerts/silences", 303, rule="hang_rate", for_seconds="3600")
    assert database.execute("select rule from silences").fetchall() == [("hang_rate",)]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        *((rule, "is no name of a rule") for rule in ("hang rate", "Slow", "9lives", "x" * 61, "*", "<b>")),
        ("test", "alerts test"),
    ],
)
def test_what_is_no_name_of_a_rule_is_not_silenced(browser, database, rule, words):
    """The form says why, and keeps what was written."""
    refused = Page(browser.send("/alerts/silences", 422, rule=rule, for_seconds="3600").text)
    assert words in refused.texts[""]
    assert [one["value"] for one in refused.all("input", name="rule")] == [rule]
    assert database.execute("select count(*) from silences").fetchone() == (0,)


def test_silences_that_hold_are_told_at_the_top(browser, database):
    """Which, until when, with a link to them: those in front that hide most; without any there is no such line."""
    (line,) = browser.get("/alerts").all("p", id="silenced")
    assert "hidden" in line
    for rule in ("slow", "hang", "angry_caller"):
        browser.send("/alerts/silences", 303, rule=rule, for_seconds="3600")
    browser.send("/alerts/silences", 303, rule="all rules", for_seconds="86400")
    page = browser.get("/alerts?rule=slow")
    (line,) = page.all("p", id="silenced")
    assert "hidden" not in line
    told = page.texts["silenced"]
    assert told.startswith("Silenced: all rules until ")
    assert all(words in told for words in ("slow until ", "hang until ", " UTC", "and 1 more", "Silences"))
    assert page.html.index('id="silenced"') < page.html.index("<form class=")
    (ends_at,) = database.execute("select ends_at from silences where rule = ''").fetchone()
    assert f"{ends_at.astimezone(UTC):%-d %b %Y, %H:%M} UTC" in told
