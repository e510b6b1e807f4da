"""The pages as a browser gets them: log-in, calls in progress, all calls, and what is wrong."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from console.pages.live import MOST_LIVE
from tests.browsing import Browser, Page, browsing
from tests.calls import conversation_update, status_update, user, welcome
from tests.consoles import TOKEN, console_settings, fill_with_calls
from tests.stage_runs import Stages


@pytest.fixture
def stranger(servers, redis, database_url) -> Iterator[Browser]:
    """Somebody who has not logged in."""
    with browsing(console_settings(servers.redis_url, database_url)) as somebody:
        yield somebody


@pytest.fixture
def browser(stranger) -> Browser:
    """Somebody who has logged in."""
    return stranger.log_in()


@pytest.fixture
def stages(database_url) -> Iterator[Stages]:
    """The stages, to store events with."""
    with Stages(database_url) as running:
        yield running


def let_go_on(database: psycopg.Connection, *call_ids: str, began: str = "10 min", silent: str = "5 s") -> None:
    """Have calls begin some time ago, go on, and be silent for some time."""
    database.execute(
        "update calls set started_at = now() - %s::interval, ended_at = null, status = 'ongoing',"
        " last_message_at = now() - %s::interval where call_id = any(%s)",
        (began, silent, list(call_ids)),
    )


class TestLogIn:
    """Who has a token sees the pages, and nobody else."""

    @pytest.mark.parametrize("path", ["/", "/calls", "/calls/WC-1", "/?part=calls"])
    def test_a_stranger_is_asked_for_a_token_and_led_back(self, stranger, path):
        """The page that was wanted comes after the log-in."""
        answer = stranger.client.get(path)
        assert answer.status_code == 303
        assert stranger.send(answer.headers["Location"], 303, token=TOKEN).headers["Location"] == path

    def test_a_wrong_token_is_refused_in_words(self, stranger):
        """As an alert that belongs to the field, with the place where tokens are found."""
        page = Page(stranger.send("/login", 401, token="wrong").text)
        assert page.all("p", role="alert", id="refusal")
        assert page.all("input", **{"aria-describedby": "refusal where", "aria-invalid": "true"})
        assert "sed -n 's/^CONSOLE_TOKENS=//p' .earshot/env" in page.texts["where"]

    def test_logging_out_ends_it(self, browser):
        """The next page asks for the token again."""
        browser.send("/logout", 303)
        assert browser.client.get("/").headers["Location"].startswith("/login")

    def test_a_form_that_is_not_ours_is_refused_with_a_page(self, browser):
        """What another site sends changes nothing."""
        answer = browser.client.post("/logout")
        assert (answer.status_code, Page(answer.text).all("h1")) == (400, [{}])
        browser.get("/")


class TestLive:
    """The calls that go on now."""

    def test_before_any_call_the_page_says_how_to_post_one(self, browser):
        """An empty page that says nothing looks broken."""
        assert "earshot simulate --live" in browser.get("/").texts["no-calls"]

    def test_a_call_in_progress_is_listed_with_its_last_words(self, browser, stages, database):
        """With who said them, how long it has gone on, and how many messages it has."""
        stages.send(conversation_update([welcome(), user(1, text="Is anybody there?")], call_id="WC-1"))
        let_go_on(database, "WC-1")
        row = browser.get("/").texts["live-WC-1"]
        assert re.fullmatch(
            r"Reception - main WC-1 ongoing for 10 min 0\d s 2 messages last heard \d+ s ago Caller: Is anybody there.",
            re.sub(r"\s+", " ", row),
        )

    def test_a_call_is_marked_quiet_slow_and_interrupted(self, browser, database_url, database):
        """In words."""
        fill_with_calls(database_url, ("WC-1",))
        let_go_on(database, "WC-1", silent="90 s")
        database.execute("update call_figures set slowest_turn_ms = 4100")
        row = browser.get("/").texts["live-WC-1"]
        assert all(word in row for word in ("quiet", "slow turn 4.1 s", "interrupted"))

    def test_what_ended_or_fell_silent_is_listed_below(self, browser, database_url, database):
        """An hour without a word is the end, told or not."""
        fill_with_calls(database_url, ("WC-1", "WC-2", "WC-3"))
        let_go_on(database, "WC-1")
        let_go_on(database, "WC-2", began="2 h", silent="61 min")
        page = browser.get("/")
        assert [element_id for element_id in page.texts if element_id.startswith(("live-WC", "recent-WC"))] == [
            "live-WC-1",
            "recent-WC-2",
            "recent-WC-3",
        ]
        assert "silent since" in page.texts["recent-WC-2"]
        assert "ongoing" not in page.texts["recent-WC-2"]

    def test_two_calls_of_one_assistant_are_told_apart(self, browser, database_url, database):
        """By the ends of their ids."""
        fill_with_calls(database_url, ("call-a3d018-000001", "call-a3d018-000002"))
        let_go_on(database, "call-a3d018-000001", "call-a3d018-000002")
        page = browser.get("/")
        assert "…000001" in page.texts["live-call-a3d018-000001"]
        assert "…000002" in page.texts["live-call-a3d018-000002"]

    def test_the_newest_activity_comes_first_and_the_rest_is_counted(self, browser, database):
        """The list has an end, however many calls go on."""
        database.execute(
            "insert into calls (call_id, status, started_at, last_message_at)"
            " select 'WC-' || number, 'ongoing', now() - interval '1 min', now() - number * interval '0.1 s'"
            " from generate_series(1, %s) as number",
            (MOST_LIVE + 7,),
        )
        page = browser.get("/")
        listed = [attributes["id"] for attributes in page.all("li") if attributes.get("id", "").startswith("live-")]
        assert listed == [f"live-WC-{number}" for number in range(1, MOST_LIVE + 1)]
        assert page.texts["rest"].startswith("and 7 more")

    def test_its_script_gets_the_list_alone(self, browser, database_url, database):
        """The same markup, without the page around it."""
        fill_with_calls(database_url, ("WC-1",))
        let_go_on(database, "WC-1")
        whole, part = browser.get("/"), browser.get("/?part=calls")
        assert not part.all("html")
        assert part.texts["live-WC-1"].split(" for ")[0] == whole.texts["live-WC-1"].split(" for ")[0]
        (main,) = whole.all("main")
        assert (main["data-stream"], main["data-fragment"]) == ("/api/stream", "/?part=calls")
        assert int(main["data-after"]) > 0


class TestCalls:
    """The list of all calls."""

    def test_the_pages_together_list_each_call_once(self, browser, database_url):
        """Each page leads to the next."""
        call_ids = tuple(f"WC-{number}" for number in range(5))
        fill_with_calls(database_url, call_ids, messages=4)
        page, listed = browser.get("/calls?limit=2"), []
        while True:
            listed += re.findall(r'<th scope="row"><a href="/calls/([^"]+)"', page.html)
            if 'rel="next"' not in page.html:
                break
            page = browser.get(page.link("Older calls") + "&limit=2")
        assert sorted(listed) == sorted(call_ids)

    def test_filters_find_and_stay_in_the_form(self, browser, stages, database_url):
        """And in the links to the files, which hold the same rows."""
        fill_with_calls(database_url, ("WC-1",), messages=4)
        stages.send(status_update("failed", call_id="WC-2"))
        page = browser.get("/calls?status=failed&search=&since=2026-03-01T00:00")
        assert re.findall(r'<th scope="row"><a href="([^"]+)"', page.html) == ["/calls/WC-2"]
        assert page.all("input", name="since", value="2026-03-01T00:00")
        assert page.all("option", value="failed", selected=None)
        exported = browser.client.get(page.link("NDJSON"))
        assert (exported.status_code, exported.text.count("\n")) == (200, 1)

    def test_a_filter_that_finds_nothing_leads_back(self, browser):
        """An empty table would look like an empty database."""
        assert "No call passes this filter" in browser.get("/calls?search=zebra").texts[""]

    @pytest.mark.parametrize(
        ("query", "told"),
        [
            ("since=yesterday", "Began from (UTC): “yesterday” is no time"),
            ("slow=perhaps", "Slow: is neither"),
            ("cursor=x", "The place in the list: is none"),
            ("colour=red", "colour: is no filter of this page"),
        ],
    )
    def test_a_filter_that_makes_no_sense_is_named(self, browser, query, told):
        """As its field is called, on the page with the form, where it can be mended."""
        page = browser.get(f"/calls?{query}", 422)
        assert page.all("p", role="alert")
        assert told in page.texts[""]
        assert page.all("form", action="/calls")

    def test_what_was_written_stays_in_its_field(self, browser):
        """Also where it makes no sense; a field of date and time would show it as nothing."""
        page = browser.get("/calls?since=yesterday&until=2026-03-05T10:00&slow=true", 422)
        assert page.all("input", name="since", type="text", value="yesterday")
        assert page.all("input", name="until", value="2026-03-05T10:00")
        assert page.all("input", name="slow", checked=None)

    def test_a_call_is_found_by_its_id(self, browser, database_url):
        """Where words are searched for; part of an id is words."""
        fill_with_calls(database_url, ("WC-1",))
        assert browser.client.get("/calls?search=WC-1").headers["Location"] == "/calls/WC-1"
        assert "No call passes" in browser.get("/calls?search=WC-").texts[""]

    def test_models_and_teams_are_chosen_from_lists(self, browser, database_url, database):
        """A team has no name, and is known by an assistant of it."""
        fill_with_calls(database_url, ("WC-1",))
        database.execute("update calls set team_id = '697769ef5e6d94d5ad83e01e', assistant_id = 'A', llm_model = 'm1'")
        page = browser.get("/calls")
        assert page.all("option", value="m1")
        assert "Reception - main (…83e01e)" in page.texts[""]


def test_without_its_database_the_console_says_so_and_tries_again(servers, redis):
    """The page loads itself again, with or without scripts; pages that need no database are there."""
    with browsing(console_settings(servers.redis_url, "postgresql://localhost:1/none")) as somebody:
        somebody.get("/login")
        browser = somebody.log_in()
        for path in ("/", "/calls", "/calls/WC-1"):
            page = browser.get(path, 503)
            assert "tries again every 5 seconds" in page.texts["retry"]
            assert page.all("meta", **{"http-equiv": "refresh", "content": "5"})


@pytest.mark.parametrize(
    "path", ["/", "/calls", "/calls/WC-1", "/calls/nobody", "/alerts", "/alerts/silence", "/login"]
)
def test_no_page_holds_what_its_policy_forbids(stranger, database_url, path):
    """No script or style of its own, and nothing from elsewhere; one main, one heading of the first order, ids once."""
    fill_with_calls(database_url, ("WC-1",))
    somebody = stranger if path == "/login" else stranger.log_in()
    page = Page(somebody.client.get(path).text)
    for tag, attributes in page.elements:
        assert tag != "style"
        assert not {name for name in attributes if name == "style" or name.startswith("on")}
        assert (attributes.get("src") or attributes.get("href") or "/").startswith(("/", "#", "data:,"))
    assert [len(page.all(tag)) for tag in ("main", "h1", "title")] == [1, 1, 1]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
