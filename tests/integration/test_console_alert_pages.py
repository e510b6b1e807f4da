"""The page of alerts, and alerts on the pages of calls, as a browser gets them."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from console.pages.alert_badge import MOST_COUNTED
from tests.browsing import Browser, Page, browsing
from tests.calls import assistant, conversation_update, error, hang, status_update, user, welcome
from tests.consoles import console_settings
from tests.raised_alerts import NEGATIVE, raise_alert, resolve
from tests.stage_runs import Stages

CALL = "WC-1"
HOSTILE = "<script>alert('Hi')</script> & \u202eevil \u05e9\u05dc\u05d5\u05dd \U0001f600"


@pytest.fixture
def browser(servers, redis, database_url) -> Iterator[Browser]:
    """Somebody who has logged in."""
    with browsing(console_settings(servers.redis_url, database_url)) as somebody:
        yield somebody.log_in()


@pytest.fixture
def call(database_url) -> None:
    """A call that goes on, with an angry caller and a hang."""
    said = [welcome(), user(1, text="This is terrible, I hate it!"), assistant(1), user(2, text="Great, I love it!")]
    with Stages(database_url) as stages:
        stages.send(status_update("ongoing", call_id=CALL), conversation_update(said, call_id=CALL))
        stages.send(hang(said[:2], call_id=CALL), error(call_id=CALL))


def submit(browser: Browser, path: str, code: int = 303, **fields: object):
    """Send a form with the token of the page of alerts."""
    hidden = browser.get("/alerts").all("input", name="csrf_token")[0]
    response = browser.client.post(path, data={"csrf_token": hidden["value"], **fields})
    assert response.status_code == code, response.text
    return response


def shown(page: Page) -> list[str]:
    """Name the alerts of a page from top to bottom."""
    return [one["id"] for one in page.all("li") if one.get("id", "").startswith("alert-")]


def badge(page: Page) -> str:
    """Read the number beside the navigation's Alerts; empty where it is hidden."""
    (element,) = page.all("span", id="alerts-waiting")
    return "" if "hidden" in element else page.texts["alerts-waiting"].split()[0]


class TestAlerts:
    """The page of alerts."""

    def test_before_any_alert_the_page_says_what_to_set_up(self, browser):
        """Where rules stand, who looks at them, and where alerts are sent."""
        told = browser.get("/alerts").texts["none-open"]
        words = ("alerts.toml", "earshot janitor", "ALERT_WEBHOOK_URL", "docs/how-to/set-up-alerts.md", "alerts test")
        assert all(word in told for word in words)

    def test_what_is_open_stands_in_front_the_severest_first(self, browser, database):
        """Then what is over, the newest first."""
        raise_alert(database, "minor", severity="info", raised_at=datetime.now(UTC))
        raise_alert(database, "grave", severity="critical", rule="slow")
        raise_alert(database, "newer", rule="hang_rate", raised_at=datetime.now(UTC))
        raise_alert(database, "older", rule="dead_air")
        for alert_id in ("newer", "older"):
            resolve(database, alert_id)
        page = browser.get("/alerts")
        assert shown(page) == ["alert-grave", "alert-minor", "alert-newer", "alert-older"]
        assert "critical" in page.texts["alert-grave"]
        assert "over, lasted" in page.texts["alert-older"]

    @pytest.mark.usefixtures("call")
    def test_an_alert_tells_what_where_since_when_and_why(self, browser, database):
        """Its rule in words, a sentence with the figures, a link to the message, and how long it is open."""
        detail = {"kind": "negative_sentiment", **NEGATIVE, "score": -0.8519}
        raise_alert(database, "a", call_id=CALL, message_id="user-1", subject="openai", detail=detail)
        page = browser.get("/alerts")
        told = page.texts["alert-a"]
        sentence = "A caller sounds upset: confidence 92 %, above 80 %."
        for words in ("warning", "angry caller", "openai", "open for 5 min", sentence):
            assert words in told
        assert "score" not in told
        assert "kind" not in told
        assert f'href="/calls/{CALL}?turn=user-1#message-user-1"' in page.html
        assert "A message in the call" in told

    def test_figures_of_a_kind_that_is_not_known_are_listed(self, browser, database):
        """Beside what it is about."""
        raise_alert(database, "a", subject="openai", detail={"kind": "of tomorrow", "rate": 0.5, "odds": 3})
        told = browser.get("/alerts").texts["alert-a"]
        assert "angry caller openai" in told
        assert "rate 50 % , odds 3" in told
        assert "tomorrow" not in told

    def test_what_an_alert_is_about_stands_in_its_sentence(self, browser, database):
        """And is not told twice."""
        figures = {"errors": 3, "turns": 97, "rate": 0.03, "threshold": 0.02, "window_seconds": 60}
        detail = {"kind": "error_rate", **figures, "error_type": "llm_error"}
        raise_alert(database, "a", rule="error_rate", subject="gemini", detail=detail)
        page = browser.get("/alerts")
        sentence = "Errors of <bdi>gemini</bdi> (llm_error): 3 in 100 turns within 1 min, 3 %, above 2 %.</p>"
        assert sentence in page.html
        assert page.html.count("gemini") == 1

    def test_filters_find_and_stay_in_the_form(self, browser, database):
        """With a state there is one list; a filter that finds nothing leads back."""
        raise_alert(database, "a", call_id=CALL)
        raise_alert(database, "b", rule="slow", severity="critical")
        resolve(database, "b")
        assert shown(browser.get("/alerts?state=unacknowledged")) == ["alert-b", "alert-a"]
        assert shown(browser.get(f"/alerts?call_id={CALL}&rule=angry_caller")) == ["alert-a"]
        page = browser.get("/alerts?state=resolved&severity=critical")
        assert shown(page) == ["alert-b"]
        assert {one["value"] for one in page.all("option") if "selected" in one} == {"resolved", "critical"}
        assert "No alert passes these filters" in browser.get("/alerts?state=open&rule=slow").texts["none-listed"]
        assert "none that this listing has given" in browser.get("/alerts?cursor=x", 422).texts["problem"]
        assert "is no filter of this page" in browser.get("/alerts?colour=red", 422).texts["problem"]

    def test_the_pages_together_list_each_alert_once(self, browser, database):
        """Following the link to older ones."""
        now = datetime.now(UTC)
        for number in range(120):
            raise_alert(database, f"{number:03}", rule=f"rule_{number}", raised_at=now - timedelta(minutes=number))
            resolve(database, f"{number:03}")
        page, seen = browser.get("/alerts"), []
        seen += shown(page)
        while 'rel="next"' in page.html:
            page = browser.get(page.link("Older alerts"))
            seen += shown(page)
        assert seen == [f"alert-{number:03}" for number in range(120)]

    def test_hostile_texts_are_shown_as_texts(self, browser, database):
        """In rule, subject, severity, call id, figures and the reason of a silence."""
        told = {"rule": HOSTILE, "subject": HOSTILE, "severity": HOSTILE, "call_id": HOSTILE, "message_id": HOSTILE}
        raise_alert(database, "a", **told, detail={HOSTILE: HOSTILE})
        submit(browser, "/alerts/silences", rule="slow", for_seconds="3600", reason=HOSTILE, call_id=HOSTILE)
        database.execute("update silences set rule = %s", (HOSTILE,))
        for path in ("/alerts", f"/alerts/silence?rule={quote(HOSTILE)}&call_id={quote(HOSTILE)}"):
            page = browser.get(path)
            assert "<script>alert" not in page.html
            assert "<script>alert('Hi')" in html.unescape(page.html)


class TestDeeds:
    """What can be done about alerts."""

    def test_one_alert_is_acknowledged_and_one_is_back(self, browser, database):
        """By a form that works without script; it says who did it, and the badge counts one less."""
        raise_alert(database, "a")
        raise_alert(database, "b", rule="slow")
        page = browser.get("/alerts?severity=warning")
        assert badge(page) == "2"
        (back,) = page.all("input", name="back")
        response = submit(browser, "/alerts/acknowledgements", alert_id="a", back=back["value"])
        assert response.location == "/alerts?severity=warning"
        page = browser.get(response.location)
        assert "acknowledged by console" in page.texts["alert-a"]
        assert badge(page) == "1"
        assert [one["value"] for one in page.all("button", name="alert_id")] == ["b"]

    def test_all_that_are_shown_are_acknowledged_at_once(self, browser, database):
        """Open and over, as stands beside the button, in front of both; what a filter leaves out is left out."""
        for alert_id, rule in (("a", "x"), ("b", "y"), ("c", "z")):
            raise_alert(database, alert_id, rule=rule, severity="info" if rule == "z" else "warning")
        resolve(database, "b")
        page = browser.get("/alerts?severity=warning")
        assert page.texts["waiting"] == "Shown and not acknowledged: 1 open, 1 over Acknowledge the 2 shown"
        assert page.html.index('id="waiting"') < page.html.index("Open now") < page.html.index("Before that")
        (button,) = page.all("button", id="acknowledge-all")
        submit(browser, "/alerts/acknowledgements", alert_id=button["value"])
        taken = "select alert_id from alerts where acknowledged_at is not null order by 1"
        assert database.execute(taken).fetchall() == [("a",), ("b",)]

    @pytest.mark.parametrize("path", ["acknowledgements", "silences", "silences/endings"])
    def test_a_form_that_is_not_ours_changes_nothing(self, browser, database, path):
        """Without the token of a page it is refused."""
        raise_alert(database, "a")
        fields = {"alert_id": "a", "rule": "x", "for_seconds": "3600", "silence_id": "1"}
        assert browser.client.post(f"/alerts/{path}", data=fields).status_code == 400
        assert database.execute("select count(*) from alerts where acknowledged_at is not null").fetchone() == (0,)

    def test_nobody_is_led_elsewhere(self, browser, database):
        """Whatever a form says."""
        raise_alert(database, "a")
        assert submit(browser, "/alerts/acknowledgements", alert_id="a", back="//evil").location == "/alerts"

    def test_what_no_form_sends_is_refused(self, browser):
        """No alert, no number, and a number that is none of ours."""
        submit(browser, "/alerts/acknowledgements", 422)
        submit(browser, "/alerts/silences/endings", 404, silence_id="all")
        submit(browser, "/alerts/silences/endings", 422, silence_id="9" * 30)


def test_the_badge_counts_what_is_open_and_waits_for_somebody(browser, database):
    """Not what is over, nor what somebody has taken note of, nor tests."""
    raise_alert(database, "open", call_id=CALL)
    raise_alert(database, "taken", rule="slow", acknowledged_at=datetime.now(UTC))
    raise_alert(database, "over", rule="hang")
    resolve(database, "over")
    raise_alert(database, "trial", rule="test")
    assert badge(browser.get("/calls")) == "1"


def test_the_badge_counts_up_to_a_limit(browser, database):
    """Beyond it a plus says so; without any there is none."""
    assert badge(browser.get("/alerts")) == ""
    for number in range(MOST_COUNTED):
        raise_alert(database, str(number), rule=str(number))
    assert badge(browser.get("/calls")) == "99+"


@pytest.mark.usefixtures("call")
def test_a_call_shows_its_alerts_moods_and_incidents(browser, database):
    """Alerts above the conversation, the open one first; moods in words; what went wrong between the messages."""
    raise_alert(database, "old", call_id=CALL, rule="dead_air", severity="critical")
    resolve(database, "old")
    raise_alert(database, "now", call_id=CALL, message_id="user-1")
    page = browser.get(f"/calls/{CALL}")
    assert shown(page) == ["alert-now", "alert-old"]
    assert re.search(r"negative \d+ %", page.texts["message-user-1"])
    assert re.search(r"positive \d+ %", page.texts["message-user-2"])
    lines = [one["id"] for one in page.all("li") if "line" in one.get("class", "")]
    (hung,) = database.execute("select incident_id from incidents where kind = 'hang'").fetchone()
    assert lines.index(f"incident-{hung}") == lines.index("message-user-1") + 1
    assert f'href="#incident-{hung}"' in page.html
    (back,) = page.all("input", name="back")
    assert submit(browser, "/alerts/acknowledgements", alert_id="now", back=back["value"]).location == f"/calls/{CALL}"
    assert "acknowledged by console" in browser.get(f"/calls/{CALL}").texts["alert-now"]


@pytest.mark.usefixtures("call")
def test_a_call_without_alerts_has_no_place_for_them_that_shows(browser):
    """The place is there, hidden, for alerts that come while one looks."""
    page = browser.get(f"/calls/{CALL}")
    (section,) = page.all("section", id="call-alerts")
    assert "hidden" in section


@pytest.mark.usefixtures("call")
def test_an_incident_on_another_page_is_linked_to_its_message(browser, database):
    """The link leads to the page of the conversation that it stands on."""
    database.execute(
        "insert into messages (call_id, message_id, role, text, spoken_at, version, fingerprint)"
        " select 'WC-1', 'late-' || number, 'user', 'On.', now() + number * interval '1 s', '{0,0,0,0}', 0"
        " from generate_series(1, 300) as number"
    )
    (hung,) = database.execute("select incident_id from incidents where kind = 'hang'").fetchone()
    page = browser.get(f"/calls/{CALL}")
    assert f"incident-{hung}" not in [one.get("id") for one in page.all("li")]
    link = f"/calls/{CALL}?turn=user-1#incident-{hung}"
    assert f'href="{link}"' in page.html
    assert f"incident-{hung}" in [one.get("id") for one in browser.get(link.partition("#")[0]).all("li")]


@pytest.mark.usefixtures("call")
def test_lists_of_calls_mark_alerts(browser, database):
    """The call in progress says that one is open; the list of calls can be narrowed down to such."""
    database.execute("update calls set started_at = now() - interval '5 min', last_message_at = now()")
    raise_alert(database, "a", call_id=CALL)
    assert "alert open" in browser.get("/").texts["live-calls"]
    page = browser.get("/calls?alerts=true")
    assert "alert open" in page.html
    assert f"/calls/{CALL}" in page.html
    resolve(database, "a")
    assert "alert open" not in browser.get("/").texts["live-calls"]
