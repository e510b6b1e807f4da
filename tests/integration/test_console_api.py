"""The console's API on real servers: what it answers, page by page, and what it refuses."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from console.api.operations import Listing
from console.api.routes import OPERATIONS
from shared.stages import QUEUES
from tests.consoles import BEARER, CALL_IDS, console, console_settings, fill_with_everything, get
from tests.dead_letters import fail, fail_in_bulk
from tests.dead_letters import publish as publish_event
from tests.integration.test_batches import body
from tests.integration.test_doctor import register_worker

LISTINGS = [declared for declared in OPERATIONS if isinstance(declared, Listing)]
OF_A_CALL = [listing.path for listing in LISTINGS if "{call_id}" in listing.path]


@pytest.fixture
def api(servers, redis, database_url) -> Iterator[FlaskClient]:
    """A client of a console on this test's servers."""
    with console(console_settings(servers.redis_url, database_url)) as app:
        yield app.test_client()


@pytest.fixture
def filled(api, redis, database_url) -> FlaskClient:
    """The same, with calls, dead letters, deliveries in quarantine and past runs."""
    fill_with_everything(redis, database_url)
    return api


def path_of(listing: Listing, filled: FlaskClient) -> str:
    """Fill the ids of a listing's path in."""
    path = listing.path.replace("{call_id}", CALL_IDS[1])
    return path.replace("{message_id}", revised(filled)) if "{message_id}" in path else path


def revised(filled: FlaskClient) -> str:
    """Find a message that has been worded anew."""
    messages = get(filled, f"/api/calls/{CALL_IDS[1]}/messages")["messages"]
    return next(message["message_id"] for message in messages if message["revision"] > 1)


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.path)
def test_pages_together_are_the_whole_listing(filled, listing):
    """Page by page, one row a page, come the same rows in the same order as at once, each once."""
    path = path_of(listing, filled)
    whole = get(filled, path, limit=500)
    assert whole["next"] is None
    assert whole[listing.noun]
    rows, cursor = [], {}
    while cursor is not None:
        page = get(filled, path, limit=1, **cursor)
        rows += page[listing.noun]
        cursor = {"cursor": page["next"]} if page["next"] else None
    assert [forget_time(row) for row in rows] == [forget_time(row) for row in whole[listing.noun]]


def forget_time(row: dict) -> dict:
    """Leave out what depends on when one asks."""
    return {name: value for name, value in row.items() if name not in ("oldest_seconds",)}


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.path)
def test_every_listing_refuses_what_makes_no_sense(filled, listing):
    """A wrong limit, cursor or format and a filter that is not known are 422, and the error names them."""
    path = path_of(listing, filled)
    wrong = {"limit": "0", "cursor": "\0", "format": "xml", "colour": "red"}
    for name, value in wrong.items():
        assert name in get(filled, path, 422, **{name: value})["error"]


@pytest.mark.parametrize("path", OF_A_CALL)
def test_what_belongs_to_no_call_is_missing(filled, path):
    """A part of a call that is not there is 404, not an empty listing."""
    told = get(filled, path.replace("{call_id}", "WC-nobody").replace("{message_id}", "user-1"), 404)
    assert told == {"error": "there is no call of that id"}


def test_a_message_that_is_not_there_has_no_wordings(filled):
    """The earlier wordings of no message are 404; those of one that never changed are an empty listing."""
    path = f"/api/calls/{CALL_IDS[1]}/messages"
    assert get(filled, f"{path}/user-999/revisions", 404) == {"error": "the call has no message of that id"}
    unchanged = next(one["message_id"] for one in get(filled, path)["messages"] if one["revision"] == 1)
    assert get(filled, f"{path}/{unchanged}/revisions") == {"revisions": [], "next": None}


def test_messages_come_as_they_were_spoken_and_what_has_no_time_last(filled, database):
    """The order is that of `spoken_at`, then of the ids; messages without a time end the listing."""
    database.execute("update messages set spoken_at = null where message_id = 'welcome-1'")
    messages = get(filled, f"/api/calls/{CALL_IDS[0]}/messages", limit=500)["messages"]
    times = [message["spoken_at"] for message in messages[:-1]]
    assert (times, messages[-1]["message_id"]) == (sorted(times), "welcome-1")
    page, rest = messages[:2], get(filled, f"/api/calls/{CALL_IDS[0]}/messages", limit=2)
    assert page == rest["messages"]
    assert set(messages[0]) == {
        *("call_id", "message_id", "role", "text", "spoken_at", "confidence", "revision", "reply_to"),
    }


def test_earlier_wordings_are_told(filled, database):
    """A message of revision n has the n - 1 wordings before, in order."""
    path = f"/api/calls/{CALL_IDS[1]}/messages/{revised(filled)}/revisions"
    revisions = get(filled, path)["revisions"]
    assert [revision["revision"] for revision in revisions] == list(range(1, len(revisions) + 1))


def test_turns_are_those_of_the_view(filled, database):
    """Every turn of a call is told with its parts, which add up to its latency."""
    turns = get(filled, f"/api/calls/{CALL_IDS[0]}/turns", limit=500)["turns"]
    (count,) = database.execute("select count(*) from turns where call_id = %s", (CALL_IDS[0],)).fetchone()
    assert len(turns) == count > 0
    measured = [turn for turn in turns if turn["remainder_ms"] is not None]
    parts = ("eou_ms", "eou_queue_ms", "llm_queue_ms", "llm_ms", "tts_queue_ms", "tts_ms", "remainder_ms")
    assert measured
    for turn in measured:
        assert turn["turn_latency_ms"] == pytest.approx(sum(turn[part] or 0 for part in parts))


def test_a_call_tells_what_people_may_see_and_no_more(filled):
    """Neither a customer's number nor what the customer's own systems put into a call is in any answer."""
    call = get(filled, f"/api/calls/{CALL_IDS[0]}")
    assert call["status"] == "finished"
    assert call["summary"] == "A visit was booked."
    hidden = {"user_number", "metadata", "overrides", "structured_data", "recording"}
    assert not hidden & {*call, *get(filled, "/api/calls")["calls"][0]}


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"status": "finished"}, 6),
        ({"status": "ongoing"}, 0),
        ({"assistant_id": "697769ef5e6d94d5ad83e01e"}, 6),
        ({"assistant_id": "another"}, 0),
        ({"team_id": "67c0231ae6880fe48ef929ee"}, 6),
        ({"since": "2026-03-05T00:00:00Z", "until": "2026-03-06T00:00:00+01:00"}, 6),
        ({"until": "2026-03-05T00:00:00Z"}, 0),
        ({"has_interruptions": "true", "status": "finished"}, 6),
        ({"has_interruptions": "false"}, 0),
    ],
)
def test_calls_are_chosen_by_each_filter(filled, query, number):
    """What the filters let through is listed, and nothing else."""
    assert len(get(filled, "/api/calls", **query)["calls"]) == number


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({}, 30),
        ({"stage": "transcripts"}, 5),
        ({"error": "BadEvent"}, 4),
        ({"call_id": "WC-1"}, 10),
        ({"event_id": f"{3:032x}"}, 2),
        ({"since": "2026-11-23T08:59:58Z"}, 6),
        ({"until": "2026-11-23T08:59:40Z"}, 5),
    ],
)
def test_dead_letters_are_chosen_by_each_filter(filled, query, number):
    """The newest failing comes first, over all stages, and no body is told."""
    response = filled.get("/api/failed", query_string={**query, "limit": 500}, headers=BEARER)
    failed = response.json["failed"]
    assert len(failed) == number
    assert failed == sorted(failed, key=lambda one: one["failed_at"], reverse=True)
    assert "private words" not in response.text


def test_a_cursor_holds_while_more_fails_and_some_is_replayed(filled, redis):
    """Between two pages newer jobs fail, and the one that the cursor names goes: nothing else is missed or doubled."""
    before = get(filled, "/api/failed", limit=500)["failed"]
    page = get(filled, "/api/failed", limit=7)
    last = page["failed"][-1]
    fail_in_bulk(redis, range(-20, 0), "lifecycle")
    redis.zrem(f"rq:failed:{last['stage']}", f"{last['event_id']}-{last['stage']}")
    rest = get(filled, "/api/failed", limit=500, cursor=page["next"])["failed"]
    assert [*page["failed"], *rest] == before


def test_jobs_of_one_moment_are_paged_each_once(api, redis):
    """Many jobs of several stages that failed in the same moment are each on one page."""
    for stage in ("metrics", "transcripts"):
        fail_in_bulk(redis, range(60), stage)
        redis.zadd(f"rq:failed:{stage}", dict.fromkeys(redis.zrange(f"rq:failed:{stage}", 0, -1), 11_000_000_000))
    found, cursor = [], {}
    while cursor is not None:
        page = get(api, "/api/failed", limit=7, **cursor)
        found += [(one["stage"], one["event_id"]) for one in page["failed"]]
        cursor = {"cursor": page["next"]} if page["next"] else None
    assert len(found) == len(set(found)) == 120


def test_a_rare_dead_letter_is_found_among_many(api, redis):
    """A filter that lets one of 5,000 through finds it, by a few looks."""
    fail_in_bulk(redis, range(5000))
    redis.config_resetstat()
    (found,) = get(api, "/api/failed", call_id="WC-499", limit=50)["failed"][:1]
    assert found["call_id"] == "WC-499"
    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] < 20


def test_quarantine_is_listed_without_bodies(filled):
    """Newest first, by reason, by time and by event; no word of a body."""
    response = filled.get("/api/quarantine", headers=BEARER)
    assert [one["event_id"] for one in response.json["quarantine"]] == [f"e{number}" for number in range(1, 8)]
    assert "private words" not in response.text
    assert get(filled, "/api/quarantine", reason="no_message")["quarantine"] == []
    assert len(get(filled, "/api/quarantine", event_id="e3")["quarantine"]) == 1
    moment = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert len(get(filled, "/api/quarantine", since=moment)["quarantine"]) == 7


def test_an_event_tells_what_became_of_it(api, redis, database):
    """Each stage with its state, attempts and reason, whether there is a call to ask for, and no word of the body."""
    event_id = publish_event(redis, b'{"words": "private words"}', "metrics", "transcripts")
    fail(redis, event_id, "metrics")
    database.execute(
        "insert into receipts (call_id, event_id, stage, event_type, received_at, written)"
        " values ('WC-1', %s, 'lifecycle', 'conversation-update', now(), 0)",
        (event_id,),
    )
    told = get(api, f"/api/events/{event_id}")
    assert (told["event_id"], told["call_id"], told["has_call"], told["silent"]) == (event_id, "WC-1", False, [])
    stages = {stage["stage"]: (stage["state"], stage["attempts"], stage["attempts_left"]) for stage in told["stages"]}
    assert stages == {
        "lifecycle": ("stored", None, None),
        "metrics": ("dead_letter", 5, 0),
        "transcripts": ("waiting", 0, 5),
    }
    assert "CheckViolation" in next(one["reason"] for one in told["stages"] if one["stage"] == "metrics")
    assert "private words" not in str(told)
    database.execute("insert into calls (call_id) values ('WC-1')")
    assert get(api, f"/api/events/{event_id}")["has_call"] is True


@pytest.mark.parametrize("event_id", ["f" * 32, "nobody", "%FF", "a%2Fb", "x" * 500])
def test_an_event_that_is_not_known_is_404(api, event_id):
    """The error says what that may mean."""
    assert "there is no event of that id" in get(api, f"/api/events/{event_id}", 404)["error"]


def test_a_parameter_that_is_not_known_is_named_with_those_that_are(api):
    """So that a mistyped filter can be mended without the document."""
    told = get(api, "/api/quarantine", 422, reasn="unknown_type")["error"]
    assert told == ("unknown parameter 'reasn'; known are limit, cursor, format, reason, event_id, since, until")
    assert get(api, "/api/quarantine", 422, limit=["1", "2"])["error"] == "limit: is given more than once"


def test_queues_tell_depth_age_workers_and_rate(api, redis, database, publish):
    """One job waits since long, a worker lives, another is at work, and 30 events were stored in the last minute."""
    event_id = publish(body(1))
    redis.hset(f"rq:job:{event_id}-metrics", "enqueued_at", "2026-01-01T00:00:00.000000Z")
    register_worker(redis, "metrics")
    fail_in_bulk(redis, range(3))
    redis.zadd("rq:scheduled:metrics", {"abc-metrics": 1_900_000_000})
    redis.hset("rq:job:abc-metrics", mapping={"status": "scheduled", "error": "CheckViolation"})
    database.execute(
        "insert into receipts (call_id, event_id, stage, event_type, received_at, written)"
        " select 'c', 'e' || number, 'metrics', 't', now(), 1 from generate_series(1, 30) as number"
    )
    queues = {queue["stage"]: queue for queue in get(api, "/api/queues")["queues"]}
    assert list(queues) == list(QUEUES)
    metrics = queues["metrics"]
    assert metrics.pop("oldest_seconds") > 86_400
    paused = {"retrying": 1, "retry_error": "CheckViolation", "retry_event_id": "abc"}
    told = {"stage": "metrics", "depth": 1, "workers": 1, "at_work": 0, "dead_letters": 3, "rate": 0.5}
    assert metrics == {**told, **paused}
    idle = queues["lifecycle"]
    assert (idle["rate"], idle["oldest_seconds"], idle["retrying"], idle["retry_error"]) == (0, None, 0, None)


def test_assistants_are_those_of_the_calls(filled, database):
    """Each assistant is told once, by the name it has in its newest call, with the models it had."""
    database.execute(
        "insert into calls (call_id, assistant_id, assistant_name, llm_model, started_at)"
        " select 'n' || number, 'a' || number % 3, 'name ' || number, 'model ' || number % 2,"
        " timestamptz '2026-01-01' + number * interval '1 minute' from generate_series(1, 12) as number"
    )
    assistants = get(filled, "/api/assistants")["assistants"]
    assert [one["assistant_id"] for one in assistants] == ["697769ef5e6d94d5ad83e01e", "a0", "a1", "a2"]
    assert assistants[1]["assistant_name"] == "name 12"
    assert assistants[1]["llm_models"] == ["model 0", "model 1"]


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api", "/api/", "/api/calls/WC-1/nothing/at/all", "/api/replays/1", "/api//calls"]
)
def test_what_is_not_there_is_told_in_json(filled, path):
    """Any other path of the API is 404 in JSON."""
    assert "error" in get(filled, path, 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_another_method_is_told_in_json(api, method):
    """Is 405 with the methods that are allowed."""
    response = api.open("/api/calls", method=method, headers=BEARER)
    assert (response.status_code, response.content_type) == (405, "application/json")
    assert {"GET", "HEAD"} <= set(response.headers["Allow"].split(", "))


@pytest.mark.parametrize("path", ["/api/calls", "/api/failed", "/api/calls?format=csv", f"/api/calls/{CALL_IDS[0]}"])
def test_head_answers_without_a_body(filled, path):
    """HEAD tells what GET would, less the body."""
    response = filled.head(path, headers=BEARER)
    assert (response.status_code, response.data) == (200, b"")


def test_ids_with_slashes_name_calls(api, database):
    """A call whose id holds slashes, one at its end, is found, and so are its parts."""
    for call_id in ("a/b", "a//b", "a/b/", "/a"):
        database.execute("insert into calls (call_id) values (%s)", (call_id,))
        quoted = call_id.replace("/", "%2F")
        assert get(api, f"/api/calls/{quoted}")["call_id"] == call_id
        assert get(api, f"/api/calls/{quoted}/messages")["messages"] == []
