"""The page of one call, as a browser gets it."""

import re
from collections.abc import Iterator

import pytest

from console.pages.paging import MESSAGES_A_PAGE
from tests.browsing import Browser, browsing
from tests.calls import (
    CALL_ID,
    assistant,
    conversation_update,
    end_of_call_report,
    error,
    hang,
    status_update,
    user,
    welcome,
)
from tests.consoles import console_settings
from tests.stage_runs import Stages

HOSTILE = "<script>alert('Hi')</script> & \u202eevil \u05e9\u05dc\u05d5\u05dd \U0001f600"
ODD_ID = "a//b/../\"c'<d>\n?#%20"
LONG_CALL = 2 * MESSAGES_A_PAGE + 5


@pytest.fixture
def browser(servers, redis, database_url) -> Iterator[Browser]:
    """Somebody who has logged in."""
    with browsing(console_settings(servers.redis_url, database_url)) as somebody:
        yield somebody.log_in()


@pytest.fixture
def stages(database_url) -> Iterator[Stages]:
    """The stages, to store events with."""
    with Stages(database_url) as running:
        yield running


def test_a_call_is_shown_as_it_was_lived(browser, stages):
    """Who spoke, how sure that is, who cut in, what was never heard, and how long each reply took."""
    said = [welcome(), user(1, confidence=0.31), assistant(1, text="One moment")]
    skipped = [{"messageId": said[2]["messageId"], "text": "One moment"}, {"text": "At nine, or"}]
    said += [user(2, text="Stop.", skipped=skipped), user(3)]
    turns = [{"interrupted": True, "playedDuration": 1.5, "audioDuration": 3.2, "userMessageId": "user-1"}]
    stages.send(conversation_update(said), hang(said), error(said), end_of_call_report(said, bot_turns=turns))
    page = browser.get(f"/calls/{CALL_ID}")
    lines = [attributes["id"] for attributes in page.all("li") if "line" in attributes.get("class", "")]
    incidents = [
        f"incident-{row[0]}"
        for row in stages.select("select incident_id from incidents order by occurred_at, incident_id")
    ]
    assert len(incidents) == 2
    assert lines == [
        "message-welcome-1",
        "message-user-1",
        f"message-{said[2]['messageId']}",
        "skipped-1-user-2",
        "message-user-2",
        "message-user-3",
        *incidents,
    ]
    reply = page.texts[f"message-{said[2]['messageId']}"]
    assert "low confidence 31 %" in page.texts["message-user-1"]
    assert "interrupted: 1.5 s of 3.2 s heard" in reply
    assert "slow: LLM 2.6 s" in reply
    assert "confidence 75 %" in page.texts["message-user-2"]
    assert re.search(r"Interruptions\s+2\b", page.texts["figures"])
    assert "never heard" in page.texts["skipped-1-user-2"]
    assert "cut in" in page.texts["message-user-2"]
    assert "went on before a reply" in page.texts["message-user-2"]
    assert "unanswered" in page.texts["message-user-3"]
    assert all(word in page.texts["side"] for word in ("A visit was booked.", "hang", "rate_limit_exceeded", "llm"))


def test_both_tellings_of_an_interruption_count_once(browser, stages, database):
    """The call's page has the number that the figures have, on which the page of interruptions stands."""
    said = [welcome(), user(1), assistant(1, text="One moment")]
    said += [user(2, text="Stop.", skipped=[{"messageId": said[2]["messageId"], "text": "One moment"}])]
    turns = [{"interrupted": True, "playedDuration": 1.5, "audioDuration": 3.2, "userMessageId": "user-1"}]
    stages.send(conversation_update(said), end_of_call_report(said, bot_turns=turns))
    assert database.execute("select count(*) from interruptions").fetchone() == (2,)
    assert re.search(r"Interruptions\s+1\b", browser.get(f"/calls/{CALL_ID}").texts["figures"])


def test_a_call_that_nobody_ended_is_not_live_for_ever(browser, stages):
    """It was heard of last in March."""
    stages.send(conversation_update([user(1)]))
    page = browser.get(f"/calls/{CALL_ID}")
    assert re.search(r"silent since\s+5 Mar 2026", page.texts["call-title"])
    assert "Heard for" in page.texts["figures"]
    assert "ongoing" not in page.texts["call-head"]


def test_a_cost_that_is_only_a_total_is_told_once(browser, stages, database):
    """Above the conversation; what it consists of is told beside it."""
    stages.send(conversation_update([user(1)]))
    database.execute("""update calls set total_cost = 0.31, cost = '{"totalCost": 0.31}'""")
    assert browser.get(f"/calls/{CALL_ID}").html.count("0.3100") == 1
    database.execute("""update calls set cost = '{"totalCost": 0.31, "llmVendorCost": 0.02}'""")
    assert "llm vendor cost 0.0200 total cost 0.3100" in browser.get(f"/calls/{CALL_ID}").texts["side"]


def test_the_drawing_of_a_turn_has_words(browser, stages):
    """Who cannot see it is told the same."""
    stages.send(conversation_update([user(1), assistant(1)]))
    (drawing,) = browser.get(f"/calls/{CALL_ID}").all("svg", role="img")
    assert drawing["aria-label"].startswith("Turn latency 3.9 s: EOU 1.0 s")


def test_hostile_texts_are_text(browser, stages):
    """Markup in what was said, or in a name, is shown and not obeyed; each text has its own direction."""
    parts = {"assistant": {"name": HOSTILE, "_id": HOSTILE}}
    stages.send(conversation_update([user(1, text=HOSTILE + "x" * 10_000)], **parts))
    stages.send(end_of_call_report([], **parts, analysis={"summary": HOSTILE}))
    for path in ("/", "/calls", f"/calls/{CALL_ID}"):
        page = browser.get(path)
        assert "alert('Hi')" in page.texts[""]
        assert all(attributes.get("src") for attributes in page.all("script"))
    assert page.all("p", **{"class": "said", "dir": "auto"})


def test_a_call_of_any_id_has_a_page(browser, stages):
    """Every link to it leads there, and its page to its stream."""
    stages.send(conversation_update([user(1, text="Odd.")], call_id=ODD_ID))
    (link,) = re.findall(r'<th scope="row"><a href="([^"]+)"', browser.get("/calls").html)
    page = browser.get(link)
    assert "Odd." in page.texts["messages"]
    (main,) = page.all("main")
    assert main["data-stream"] == f"/api{link}/stream"


def test_a_link_to_a_turn_opens_its_page_and_marks_it(browser, stages):
    """Also where the newest page is another; the page's script is told where to lead."""
    stages.send(conversation_update([user(number) for number in range(LONG_CALL)]))
    page = browser.get(f"/calls/{CALL_ID}?turn=user-3")
    assert page.all("li", id="message-user-3", **{"class": "line is-user is-focus"})
    assert page.all("main", **{"data-focus": "message-user-3"})
    assert browser.get(f"/calls/{CALL_ID}?turn=user-x").all("p", role="alert")


def test_the_pages_of_a_long_call_hold_each_message_once(browser, stages):
    """From the newest, by the links to the earlier ones."""
    stages.send(conversation_update([user(number) for number in range(LONG_CALL)]))
    page, shown = browser.get(f"/calls/{CALL_ID}"), []
    while True:
        shown = [one["id"] for one in page.all("li") if one.get("id", "").startswith("message-")] + shown
        if 'rel="prev"' not in page.html:
            break
        page = browser.get(page.link("Earlier"))
    assert shown == [f"message-user-{number}" for number in range(LONG_CALL)]


def test_its_script_gets_the_end_of_the_page_alone(browser, stages):
    """The newest lines, with what stands beside them; asked for the whole, all lines of the page."""
    stages.send(conversation_update([user(number) for number in range(50)]))
    (main,) = browser.get(f"/calls/{CALL_ID}").all("main")
    newest, whole = (browser.get(main["data-fragment"] + part) for part in ("newest", "conversation"))
    ids = [[one["id"] for one in part.all("li") if one.get("id", "").startswith("m")] for part in (newest, whole)]
    assert len(ids[1]) == 50
    assert ids[0] == ids[1][-30:]
    assert newest.texts["side"] == whole.texts["side"]


def test_earlier_wordings_are_given_on_demand(browser, stages):
    """The line says how many there are and where."""
    stages.send(conversation_update([user(1, text="The den.")]))
    stages.send(conversation_update([user(1, text="The dentist.")], timestamp=user(1)["timestamp"] + 1))
    (details,) = browser.get(f"/calls/{CALL_ID}").all("details", **{"class": "wordings"})
    assert browser.get(details["data-source"]).texts["wordings"].startswith("The den.")


def test_a_call_without_a_message_says_so(browser, stages):
    """It may have just begun."""
    stages.send(status_update("queued"))
    assert "Nothing has been said" in browser.get(f"/calls/{CALL_ID}").texts["no-messages"]


def test_the_customer_is_nowhere(browser, stages, database):
    """Neither number nor metadata is for these pages."""
    stages.send(conversation_update([user(1)]))
    database.execute("""update calls set user_number = '+4915112345', metadata = '{"name": "Asha"}'""")
    for path in ("/", "/calls", f"/calls/{CALL_ID}"):
        assert not re.search(r"4915112345|Asha", browser.get(path).html)


@pytest.mark.parametrize("path", ["/calls/nobody", "/calls/a%00b", f"/calls/{'x' * 5000}", "/nowhere"])
def test_what_is_not_there_has_a_page_that_leads_on(browser, path):
    """With a link to all calls."""
    assert browser.get(path, 404).link("all calls") == "/calls"


@pytest.mark.parametrize("query", ["page=0", "page=x", "part=all", "turn=", "colour=red"])
def test_a_question_that_makes_no_sense_is_refused(browser, stages, query):
    """Naming the parameter."""
    stages.send(conversation_update([user(1)]))
    assert f"{query.split('=')[0]}:" in browser.get(f"/calls/{CALL_ID}?{query}", 422).texts["content"].lower()
