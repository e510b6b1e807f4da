"""The pages of operations: what waits and failed, in words; replays looked at before they are done; hostile bodies."""

import re
import threading
from collections.abc import Iterator
from html import escape, unescape

import pytest
from flask.testing import FlaskClient
from redis import Redis
from rq.utils import now, utcformat

from console import patience
from console.api import queues, replays
from console.pages import operations
from shared.janitors import KEY
from tests.calls import conversation_update, user
from tests.consoles import BEARER, TOKEN, console, console_settings
from tests.dead_letters import fail, fail_in_bulk, publish
from tests.stage_runs import Stages

HOSTILE = "<img src=x onerror=alert(1)>"
NOWHERE = "unix:///nowhere/at/all.sock"
NO_DATABASE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture
def client(servers, redis, database_url) -> Iterator[FlaskClient]:
    """A browser that has logged in to a console on this test's servers."""
    with console(console_settings(servers.redis_url, database_url)) as app:
        app.config["WTF_CSRF_ENABLED"] = True
        browser = app.test_client()
        browser.post("/login", data={"token": TOKEN, "csrf_token": form_token(browser, "/login")})
        yield browser


def look(client: FlaskClient, path: str, code: int = 200, /, **query: str) -> str:
    """Ask for a page, and expect a status; gives the page."""
    response = client.get(path, query_string=query or None)
    assert (response.status_code, path) == (code, path), response.text
    assert "style=" not in response.text
    return response.text


def form_token(client: FlaskClient, path: str) -> str:
    """Find what a page's form must send along."""
    (token, *_) = re.findall(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    return token


def words(page: str) -> str:
    """Give the words of a page, without its marks."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def link(page: str, text: str) -> str:
    """Find the address that a link leads to."""
    return unescape(re.findall(rf'href="([^"]*)"[^>]*>{text}', page)[0])


def events_listed(page: str) -> list[str]:
    """Name the events of the dead letters that a page lists, in its order."""
    return re.findall(r"event_id=([0-9a-f]{32})", page)


def pause(redis: Redis, event_id: str, stage: str = "metrics", **told: str) -> None:
    """Have a job wait for its next attempt, as RQ's worker has it."""
    redis.lrem(f"rq:queue:{stage}", 1, f"{event_id}-{stage}")
    redis.zadd(f"rq:scheduled:{stage}", {f"{event_id}-{stage}": 1_900_000_000})
    redis.hset(f"rq:job:{event_id}-{stage}", mapping={"status": "scheduled", "retries_left": 3, **told})


def test_empty_operations_say_that_all_is_well(client):
    """Nothing failed, nothing is in quarantine, nothing was replayed: each part says so in words."""
    told = words(look(client, "/operations"))
    for sentence in ("No dead letters. Nothing failed.", "Quarantine is empty.", "Nothing was ever replayed"):
        assert sentence in told


def test_a_queue_that_nobody_serves_is_told_in_words(client, redis):
    """Where events wait and no worker is there, the page says what to start."""
    publish(redis, b"{}", "metrics")
    assert "Events wait and no worker is there. Start one: earshot worker metrics." in words(
        look(client, "/operations")
    )


def test_a_job_that_pauses_is_told_with_its_error_and_its_event(client, redis):
    """Nothing waits, nothing is dead, and yet the stage does not look well; a link leads to the event's story."""
    event_id = publish(redis, b"{}", "metrics")
    pause(redis, event_id, error="CheckViolation", reason="StageFailed: CheckViolation at x:1")
    redis.sadd("rq:workers:metrics", "rq:worker:metrics-1")
    redis.hset("rq:worker:metrics-1", mapping={"last_heartbeat": utcformat(now()), "state": "idle"})
    page = look(client, "/operations")
    assert "Retrying 1 job waits for its next attempt (CheckViolation)." in words(page)
    told = words(look(client, link(page, "Its event")))
    assert "metrics retrying 1 attempt failed, 4 left." in told
    assert "StageFailed: CheckViolation at x:1" in told


def test_the_page_tells_of_the_janitor_and_the_servers(client, redis):
    """Both servers answer; without a janitor it says what to start, else who acts."""
    assert "PostgreSQL answers · Redis answers · No janitor runs" in words(look(client, "/operations"))
    redis.set(KEY, "somewhere-1-abcd")
    assert "The janitor somewhere-1-abcd acts" in words(look(client, "/operations"))


def test_an_event_tells_each_stage_and_offers_to_replay_what_is_dead(client, redis):
    """Its id is whole, the call is no link before anything of it is stored, and the replay is of this event alone."""
    event_id = publish(redis, b"{}", "metrics", "transcripts")
    fail(redis, event_id, "metrics")
    page = look(client, link(look(client, "/operations"), f'<code class="whole-id">{event_id}'))
    assert f"Event id {event_id}" in words(page)
    assert "metrics dead letter 5 attempts failed." in words(page)
    assert "transcripts waiting 0 attempts failed, 5 left." in words(page)
    assert "WC-1 nothing of this call is stored yet" in words(page)
    preview = look(client, link(page, "Replay its dead letters"))
    assert "Match now 1 Would be replayed 1" in words(preview)


def test_an_event_leads_to_its_call_once_that_is_stored(client, redis, database, database_url):
    """The call is there, so that the link leads somewhere."""
    event = conversation_update([user(1)])
    with Stages(database_url) as stages:
        stages.send(event)
    event_id = publish(redis, event.body, "metrics", call_id=event.call_id)
    database.execute(
        "insert into receipts (event_id, stage, event_type, call_id, received_at, written)"
        " values (%s, 'transcripts', 'conversation-update', %s, now(), 2)",
        (event_id, event.call_id),
    )
    page = look(client, f"/operations/events/{event_id}")
    assert "transcripts stored 2 rows written." in words(page)
    look(client, link(page, f'<code dir="auto">{event.call_id}'))


@pytest.mark.parametrize("event_id", ["f" * 32, "nobody", "%00", "a%2Fb", "' or true", "x" * 500])
def test_an_event_that_is_not_known_is_404(client, event_id):
    """Nor is any id that is none of ours."""
    look(client, f"/operations/events/{event_id}", 404)


@pytest.mark.parametrize("server", ["PostgreSQL", "Redis"])
def test_a_frozen_server_is_waited_for_once(client, monkeypatch, server):
    """What is asked of it first takes all the time there is; the rest of the page is not asked any more."""
    asked, frozen = [], threading.Event()

    def hang(*_: object) -> None:
        asked.append(server)
        frozen.wait()

    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 0.3)
    if server == "Redis":
        monkeypatch.setattr(queues, "read_queue", hang)
    else:
        monkeypatch.setattr(client.application.services.store, "rows", hang)
    page = words(look(client, "/operations"))
    frozen.set()
    assert f"{server} does not answer" in page
    assert asked == [server]


def test_the_queues_alone_are_the_same_table(client):
    """What the script swaps in is the part of the page and nothing around it."""
    alone = look(client, "/operations/queues")
    assert alone.strip().startswith('<div id="queues"')
    assert words(alone) in words(look(client, "/operations"))


def test_dead_letters_are_counted_by_stage_and_error(client, redis):
    """All of them, whatever the list below is filtered by."""
    fail_in_bulk(redis, range(30))
    fail_in_bulk(redis, range(5), "transcripts")
    told = words(look(client, "/operations", stage="transcripts"))
    assert "metrics CheckViolation 27" in told
    assert "transcripts BadEvent 1" in told


def test_too_many_dead_letters_are_counted_by_stage_alone(client, redis, monkeypatch):
    """Redis is not kept from its work to tell a great many apart."""
    monkeypatch.setattr(operations, "MOST_COUNTED", 10)
    fail_in_bulk(redis, range(30))
    page = look(client, "/operations")
    assert "metrics too many to tell apart 30" in words(page)
    assert link(page, "Replay them") == "/operations/replay?stage=metrics&source=dead_letters"


def test_a_pager_goes_through_all_dead_letters_once(client, redis):
    """Each page leads to the next one with the same filter, newest first."""
    fail_in_bulk(redis, range(70))
    seen, path = [], "/operations?error=CheckViolation"
    while path:
        page = look(client, path)
        seen += events_listed(page)
        path = link(page, "Older") if "Older dead letters" in page else ""
    assert seen == [f"{number:032x}" for number in range(70) if number % 10]


def test_a_wrong_filter_is_told_beside_the_rest_of_the_page(client, redis):
    """The list is left out, the queues are not."""
    fail_in_bulk(redis, range(3))
    page = look(client, "/operations", 422, since="yesterday")
    assert "since: is no time" in words(page)
    assert 'id="queues"' in page
    assert not events_listed(page)


def test_a_hostile_reason_is_shown_as_text(client, redis):
    """Whatever an exception says stays text, on the list and in the preview."""
    fail_in_bulk(redis, [1])
    redis.hset(f"rq:job:{1:032x}-metrics", "reason", HOSTILE)
    for path in ("/operations", "/operations/replay?source=dead_letters&stage=metrics"):
        page = look(client, path)
        assert HOSTILE not in page
        assert escape(HOSTILE) in page


def test_a_preview_tells_what_would_be_replayed_and_changes_nothing(client, redis):
    """It names how many and which, and they stay dead."""
    fail_in_bulk(redis, range(30))
    page = look(client, link(look(client, "/operations"), "Replay them"))
    assert "Match now 27 Would be replayed 27" in words(page)
    assert "The newest 20 of them" in page
    assert redis.zcard("rq:failed:metrics") == 30


def test_a_confirmed_replay_is_done_and_on_record(client, redis):
    """The form replays what the preview told of, says how it went, and the run is listed with its filter."""
    fail_in_bulk(redis, range(30))
    path = "/operations/replay?source=dead_letters&stage=metrics&error=BadEvent"
    form = {"source": "dead_letters", "stage": "metrics", "error": "BadEvent", "csrf_token": form_token(client, path)}
    answered = client.post("/operations/replay", data=form)
    assert answered.status_code == 200
    assert "Matched 3 Replayed 3" in words(answered.text)
    assert redis.zcard("rq:failed:metrics") == 27
    told = words(look(client, "/operations"))
    assert "console replay dead letters error BadEvent , stage metrics 3 3 0 done" in told


def test_no_form_but_ours_replays(client, redis):
    """A form without what only our page knows is refused, and nothing is replayed."""
    fail_in_bulk(redis, range(3))
    assert client.post("/operations/replay", data={"source": "dead_letters", "all": "true"}).status_code == 400
    assert redis.zcard("rq:failed:metrics") == 3


def test_a_replay_must_say_which(client):
    """Neither a filter nor all, or something that is no source: refused with the reason."""
    for query in ({"source": "dead_letters"}, {"source": "elsewhere", "all": "true"}, {"all": "true"}):
        look(client, "/operations/replay", 422, **query)


def test_what_is_too_much_to_wait_for_has_no_button(client, redis, monkeypatch):
    """The page tells of the command that has no such bound."""
    monkeypatch.setitem(replays.MOST_AT_ONCE, "dead_letters", 2)
    fail_in_bulk(redis, range(3))
    page = look(client, "/operations/replay", source="dead_letters", all="true")
    assert "more than the 2 that can be replayed" in words(page)
    assert "<button>Replay" not in page


def test_quarantine_lists_reason_and_size_page_by_page(client, database):
    """Each page leads to the next, and the filter stays."""
    database.execute(
        "insert into quarantine select 'e' || number, now() - number * interval '1 s', 'unknown_type', 'private'"
        " from generate_series(1, 60) as number"
    )
    page = look(client, link(look(client, "/operations"), "Show the deliveries with unknown type"))
    assert "unknown type 7" in words(page)
    assert page.count("Body<span") == 50
    assert look(client, link(page, "Older deliveries")).count("Body<span") == 10


def test_a_stored_body_is_shown_as_text(client, database):
    """JSON is laid out, markup in it stays text, and letters that turn text around are written out."""
    body = b'{"type": "' + HOSTILE.encode() + b'", "name": "\xe2\x80\xaedoow"}'
    database.execute("insert into quarantine values ('e1', now(), 'unknown_type', %s)", (body,))
    page = look(client, "/operations/quarantine/e1")
    assert HOSTILE not in page
    assert escape(HOSTILE) in page
    assert "\\u202edoow" in page


def test_only_a_delivery_that_a_stage_would_take_can_be_replayed(client, database):
    """The page of another one says that it cannot."""
    event = conversation_update([user(1)])
    database.execute("insert into quarantine values ('e1', now(), 'unknown_type', %s)", (event.body,))
    database.execute("insert into quarantine values ('e2', now(), 'malformed_json', 'no JSON')")
    assert link(look(client, "/operations/quarantine/e1"), "Replay")
    refused = words(look(client, "/operations/quarantine/e2"))
    assert "It cannot be replayed" in refused


def test_a_large_delivery_is_read_only_as_far_as_it_is_shown(client, database):
    """Its whole size is told, and that the rest is left out."""
    database.execute("insert into quarantine values ('e1', now(), 'unknown_type', %s)", (b"x" * 3_000_000,))
    page = look(client, "/operations/quarantine/e1")
    assert "3,000,000 bytes" in page
    assert "Only the beginning is shown." in words(page)


def test_a_replay_without_effect_is_told_as_such(client, database):
    """Neither the answer nor the record of it looks like success."""
    database.execute("insert into quarantine values ('e2', now(), 'malformed_json', 'no JSON')")
    form = {"source": "quarantine", "all": "true", "csrf_token": form_token(client, "/operations")}
    assert "Nothing was replayed" in words(client.post("/operations/replay", data=form).text)
    assert "1 0 1 nothing replayed" in words(look(client, "/operations"))


@pytest.mark.parametrize("event_id", ["nobody", "%00", "a%2Fb", "' or true"])
def test_a_delivery_that_is_not_there_is_404(client, event_id):
    """Nor is any id that is none of ours."""
    look(client, f"/operations/quarantine/{event_id}", 404)


def test_only_what_can_be_routed_by_now_is_replayed_from_quarantine(client, database, redis):
    """The preview tells them apart; the rest stays in quarantine."""
    event = conversation_update([user(1)])
    database.execute("insert into quarantine values ('e1', now(), 'unknown_type', %s)", (event.body,))
    database.execute("insert into quarantine values ('e2', now(), 'malformed_json', 'no JSON')")
    path = "/operations/replay?source=quarantine&all=true"
    assert "Match now 2 Would be replayed 1" in words(look(client, path))
    form = {"source": "quarantine", "all": "true", "csrf_token": form_token(client, path)}
    assert "Replayed 1 Still not to be routed 1" in words(client.post("/operations/replay", data=form).text)
    assert database.execute("select event_id from quarantine").fetchall() == [("e2",)]


def test_nothing_routable_has_no_button(client, database):
    """A delivery that still cannot be routed is not replayed in vain."""
    database.execute("insert into quarantine values ('e2', now(), 'malformed_json', 'no JSON')")
    page = look(client, "/operations/replay", source="quarantine", event_id="e2")
    assert "None of them can be routed" in words(page)
    assert "<button>Replay" not in page


def test_without_redis_the_rest_is_shown(database_url, database):
    """The page says that Redis is away, and tells of quarantine all the same."""
    database.execute("insert into quarantine values ('e1', now(), 'unknown_type', 'private')")
    with console(console_settings(NOWHERE, database_url)) as app:
        told = words(app.test_client().get("/operations", headers=BEARER).text)
    assert told.count("Redis cannot be read at the moment.") == 2
    assert "unknown type 1" in told


def test_without_postgresql_the_queues_are_shown(servers, redis):
    """When events pile up because the database is away, the page shows them piling up."""
    publish(redis, b"{}", "metrics")
    with console(console_settings(servers.redis_url, NO_DATABASE)) as app:
        response = app.test_client().get("/operations", headers=BEARER)
    assert response.status_code == 200
    assert words(response.text).count("PostgreSQL cannot be read at the moment.") == 2
    assert "Events wait and no worker is there" in words(response.text)


@pytest.mark.parametrize("path", ["", "/queues", "/quarantine", "/quarantine/e1", "/replay?source=quarantine&all=true"])
def test_nobody_sees_operations_without_logging_in(servers, redis, database_url, path):
    """Each page sends a stranger to the log-in page."""
    with console(console_settings(servers.redis_url, database_url)) as app:
        response = app.test_client().get(f"/operations{path}")
    assert response.status_code == 303
    assert response.location.startswith("/login")
