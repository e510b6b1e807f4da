"""Replays over the console's API: what is ordered is done, once, on record, and never more than can be waited for."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from console.api import replays
from tests.calls import conversation_update, user
from tests.consoles import BEARER, console, console_settings, get
from tests.dead_letters import fail_in_bulk

ALL_DEAD = {"source": "dead_letters", "all": True}
DRY = {"matched": 25, "replayable": 25, "replayed": None, "skipped": None, "outcome": None}
DONE = {"matched": 25, "replayable": None, "replayed": 25, "skipped": 0, "outcome": "done"}


@pytest.fixture
def api(servers, redis, database_url) -> Iterator[FlaskClient]:
    """A client of a console on servers with 25 dead letters."""
    fail_in_bulk(redis, range(25))
    with console(console_settings(servers.redis_url, database_url)) as app:
        yield app.test_client()


def order(api: FlaskClient, body: Any, code: int = 200) -> Any:
    """Order a replay, and expect a status."""
    response = api.post("/api/replays", json=body, headers=BEARER)
    assert response.status_code == code, response.text
    return response.json


def test_a_dry_run_counts_and_changes_nothing(api, redis, database):
    """It tells how many match and could be replayed; they stay dead, and there is no record."""
    assert order(api, {**ALL_DEAD, "dry_run": True}) == DRY
    assert redis.zcard("rq:failed:metrics") == 25
    assert get(api, "/api/replays")["replays"] == []


def test_a_replay_puts_dead_letters_back_and_is_on_record(api, redis):
    """They wait in their queue, nothing is dead any more, and the run is listed with who, what and how many."""
    assert order(api, {**ALL_DEAD, "action": "replay"}) == DONE
    assert (redis.llen("rq:queue:metrics"), redis.zcard("rq:failed:metrics")) == (25, 0)
    (run,) = get(api, "/api/replays")["replays"]
    told = {name: run[name] for name in ("who", "action", "source", "filter", "matched", "replayed", "outcome")}
    assert told == {
        "who": "api",
        "action": "replay",
        "source": "dead_letters",
        "filter": {},
        "matched": 25,
        "replayed": 25,
        "outcome": "done",
    }
    assert run["finished_at"] >= run["started_at"]


def test_a_replay_takes_what_its_filter_chooses(api, redis):
    """By stage, error, call, event and time of failing, all of which must hold."""
    chosen = {"stage": "metrics", "error": "BadEvent", "call_id": "WC-1", "since": "2026-11-23T08:59:00+00:00"}
    assert order(api, {"source": "dead_letters", "filter": chosen})["replayed"] == 1
    assert redis.lrange("rq:queue:metrics", 0, -1) == [f"{10:032x}-metrics".encode()]
    (run,) = get(api, "/api/replays")["replays"]
    assert run["filter"] == {**chosen, "since": "2026-11-23T08:59:00Z"}


def test_nothing_that_matches_is_nothing_done(api):
    """An order that matches nothing is answered as done, and leaves no record."""
    told = order(api, {"source": "dead_letters", "filter": {"event_id": "nobody"}})
    assert (told["matched"], told["replayed"], told["outcome"]) == (0, 0, "done")
    assert get(api, "/api/replays")["replays"] == []


def test_what_can_be_routed_leaves_quarantine(api, redis, database):
    """A delivery that is an event by now is published and its row deleted; the rest stays, and is counted."""
    event = conversation_update([user(1)])
    database.execute("insert into quarantine values ('e1', now(), 'unknown_type', %s)", (event.body,))
    database.execute("insert into quarantine values ('e2', now(), 'malformed_json', 'no JSON')")
    assert order(api, {"source": "quarantine", "all": True, "dry_run": True})["replayable"] == 1
    told = order(api, {"source": "quarantine", "all": True})
    assert (told["matched"], told["replayed"], told["skipped"]) == (2, 1, 1)
    assert database.execute("select event_id from quarantine").fetchall() == [("e2",)]
    assert redis.lrange("rq:queue:metrics", 0, -1) == [b"e1-metrics"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"source": "dead_letters"}, "filter"),
        ({"source": "dead_letters", "filter": {}}, "filter"),
        ({"source": "dead_letters", "filter": {"stage": None}}, "leave out"),
        ({"source": "dead_letters", "all": True, "filter": {"stage": "metrics"}}, "filter"),
        ({"source": "dead_letters", "all": "true"}, "all"),
        ({"source": "dead_letters", "filter": {"stage": "nonsense"}}, "stage"),
        ({"source": "dead_letters", "filter": {"reason": "unknown_type"}}, "reason"),
        ({"source": "dead_letters", "filter": {"since": "2h"}}, "since"),
        ({"source": "dead_letters", "filter": {"call_id": "a\0b"}}, "call_id"),
        ({"source": "quarantine", "filter": {"stage": "metrics"}}, "stage"),
        ({"source": "quarantine", "action": "discard", "all": True}, "action"),
        ({"source": "elsewhere", "all": True}, "source"),
        ({"source": "dead_letters", "all": True, "colour": "red"}, "colour"),
        ({"all": True}, "source is missing: dead_letters or quarantine"),
        ([], "body"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(api, redis, body, named):
    """It is 422, the error names what is wrong, and nothing is replayed."""
    assert named in order(api, body, 422)["error"]
    assert redis.zcard("rq:failed:metrics") == 25


def test_a_body_that_is_no_json_is_refused(api):
    """Another content type is 415, broken JSON 422, and more than 64 KiB 413."""
    for sent, kind, code in (
        (b"source=dead_letters", "application/x-www-form-urlencoded", 415),
        (b'{"source": ', "application/json", 422),
        (b"", "application/json", 422),
        (b'{"source": "' + b"x" * 70_000 + b'"}', "application/json", 413),
    ):
        response = api.post("/api/replays", data=sent, content_type=kind, headers=BEARER)
        assert (response.status_code, response.content_type) == (code, "application/json")
        assert code != 422 or response.json == {"error": "the body is no JSON"}


def test_what_would_take_too_long_is_left_to_the_command(api, redis, monkeypatch):
    """More than the limit is 422 and says what to use; a dry run counts it all the same."""
    monkeypatch.setitem(replays.MOST_AT_ONCE, "dead_letters", 24)
    assert "use earshot replay" in order(api, ALL_DEAD, 422)["error"]
    assert redis.zcard("rq:failed:metrics") == 25
    assert order(api, {**ALL_DEAD, "dry_run": True}) == {**DRY, "replayable": None}


def test_a_run_that_takes_too_long_ends_after_the_batch_at_hand(api, redis, monkeypatch):
    """It is answered as interrupted with how far it came, and the same order does the rest."""
    monkeypatch.setattr(replays, "LONGEST_SECONDS", -1.0)
    assert order(api, ALL_DEAD) == {**DONE, "replayed": 0, "outcome": "interrupted"}
    monkeypatch.undo()
    assert order(api, ALL_DEAD) == DONE
    assert [run["outcome"] for run in get(api, "/api/replays")["replays"]] == ["done", "interrupted"]
