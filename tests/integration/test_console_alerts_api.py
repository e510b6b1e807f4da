"""Alerts, silences and moods as programs get them, and what programs may do about them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.calls import conversation_update, hang, user, welcome
from tests.consoles import BEARER, console, console_settings, get
from tests.raised_alerts import NEGATIVE, raise_alert, resolve
from tests.stage_runs import Stages

CALL = "WC-1"
FOR_AN_HOUR = {"rule": "angry_caller", "for_seconds": 3600}


@pytest.fixture
def api(servers, redis, database_url) -> Iterator[FlaskClient]:
    """A client of a console on servers with one call, in which the assistant hung."""
    said = [welcome(), user(1, text="This is terrible, I hate it!"), user(2, text="Yes.")]
    with Stages(database_url) as stages:
        stages.send(conversation_update(said, call_id=CALL), hang(said, call_id=CALL))
    with console(console_settings(servers.redis_url, database_url)) as app:
        yield app.test_client()


def post(api: FlaskClient, path: str, body: Any, code: int = 200) -> Any:
    """Order something, and expect a status."""
    response = api.post(path, json=body, headers=BEARER)
    assert response.status_code == code, response.text
    return response.json


def ids(api: FlaskClient, path: str = "/api/alerts", **query: Any) -> list[str]:
    """Name the alerts that are listed."""
    return [alert["alert_id"] for alert in get(api, path, **query)["alerts"]]


def test_an_alert_is_told_with_all_that_is_known_of_it(api, database):
    """What an alert is not about is null."""
    raise_alert(database, "a", call_id=CALL, message_id="user-1", severity="critical")
    raise_alert(database, "b", subject="openai", raised_at=datetime(2026, 3, 5, tzinfo=UTC))
    about_call, about_none = get(api, "/api/alerts")["alerts"]
    nothing = dict.fromkeys(("subject", "clear_since", "resolved_at", "acknowledged_at", "acknowledged_by"))
    told = {"alert_id": "a", "call_id": CALL, "message_id": "user-1", "rule": "angry_caller", "severity": "critical"}
    moments = {name: about_call[name] for name in ("began_at", "raised_at")}
    assert about_call == {**nothing, **told, **moments, "is_silenced": False, "detail": NEGATIVE}
    assert (about_none["call_id"], about_none["message_id"], about_none["subject"]) == (None, None, "openai")
    assert ids(api, f"/api/calls/{CALL}/alerts") == ["a"]
    get(api, "/api/calls/nobody/alerts", 404)


def test_filters_of_alerts_find(api, database):
    """By rule, call, severity, state and when it was raised; all must hold."""
    raise_alert(database, "open", call_id=CALL)
    raise_alert(database, "taken", rule="hang_rate", acknowledged_at=datetime.now(UTC))
    raise_alert(database, "over", severity="critical", rule="slow", raised_at=datetime(2026, 3, 5, tzinfo=UTC))
    resolve(database, "over")
    assert ids(api) == ids(api, state="all")
    assert set(ids(api, state="open")) == {"open", "taken"}
    assert set(ids(api, state="unacknowledged")) == {"open", "over"}
    assert ids(api, state="resolved") == ids(api, severity="critical") == ids(api, until="2026-03-06") == ["over"]
    assert ids(api, call_id=CALL, rule="angry_caller") == ["open"]
    assert ids(api, call_id=CALL, rule="slow") == []
    assert set(ids(api, since="2026-03-05")) == {"open", "taken", "over"}
    assert "state" in get(api, "/api/alerts", 422, state="closed")["error"]


def test_an_alert_is_acknowledged_once(api, database):
    """Whoever does so first is on record; ids that nobody knows count for nothing."""
    raise_alert(database, "a", call_id=CALL)
    raise_alert(database, "b")
    path = "/api/alerts/acknowledgements"
    assert post(api, path, {"alert_ids": ["a", "nobody"]}) == {"acknowledged": 1}
    assert post(api, path, {"alert_ids": ["a", "b"]}) == {"acknowledged": 1}
    assert {alert["acknowledged_by"] for alert in get(api, "/api/alerts")["alerts"]} == {"api"}
    assert ids(api, state="unacknowledged") == []
    assert set(ids(api, state="open")) == {"a", "b"}
    for wrong in ({}, {"alert_ids": []}, {"alert_ids": ["a\0b"]}, {"alert_ids": "a"}, {"alert_ids": ["a"] * 501}):
        assert "alert_ids" in post(api, path, wrong, 422)["error"]


def test_a_rule_is_silenced_and_is_heard_again(api):
    """The silence is listed while it holds, and ends when somebody ends it."""
    asked = {**FOR_AN_HOUR, "call_id": CALL, "reason": "known"}
    silence_id = post(api, "/api/silences", asked)["silence_id"]
    (silence,) = get(api, "/api/silences")["silences"]
    told = {name: silence[name] for name in ("silence_id", "rule", "call_id", "who", "reason")}
    named = {"rule": "angry_caller", "call_id": CALL, "who": "api", "reason": "known"}
    assert told == {"silence_id": silence_id, **named}
    lasting = datetime.fromisoformat(silence["ends_at"]) - datetime.fromisoformat(silence["starts_at"])
    assert abs(lasting - timedelta(hours=1)) < timedelta(minutes=1)
    assert post(api, "/api/silences/endings", {"silence_ids": [silence_id, silence_id, 999]}) == {"ended": 1}
    assert post(api, "/api/silences/endings", {"silence_ids": [silence_id]}) == {"ended": 0}
    assert get(api, "/api/silences")["silences"] == []


def test_a_silence_of_everything_ends_at_a_moment(api):
    """An empty rule is every rule, and without a call it is about whatever there is."""
    ends_at = datetime.now(UTC) + timedelta(days=2)
    post(api, "/api/silences", {"rule": "", "ends_at": ends_at.isoformat()})
    (silence,) = get(api, "/api/silences")["silences"]
    assert (silence["rule"], silence["call_id"], silence["reason"]) == (None, None, "")
    assert datetime.fromisoformat(silence["ends_at"]) == ends_at


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"for_seconds": 60}, "rule"),
        ({**FOR_AN_HOUR, "rule": "hang rate"}, "rule: is no name of a rule"),
        ({**FOR_AN_HOUR, "rule": "test"}, "rule: is the name of the alerts of"),
        ({"rule": "slow"}, "for_seconds"),
        ({**FOR_AN_HOUR, "ends_at": "2099-01-01"}, "for_seconds"),
        ({"rule": "slow", "ends_at": "2026-01-01"}, "ends_at"),
        ({"rule": "slow", "ends_at": "9999-01-01"}, "ends_at"),
        ({"rule": "slow", "for_seconds": 0}, "for_seconds"),
        ({"rule": "slow", "for_seconds": "60"}, "for_seconds"),
        ({**FOR_AN_HOUR, "call_id": ""}, "call_id"),
        ({**FOR_AN_HOUR, "reason": "x" * 501}, "reason"),
        ({**FOR_AN_HOUR, "colour": "red"}, "colour"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(api, body, named):
    """It is 422, and the error names what is wrong."""
    assert named in post(api, "/api/silences", body, 422)["error"]
    assert get(api, "/api/silences")["silences"] == []


def test_moods_are_told_as_they_were_spoken(api):
    """Each message of the user has one, with who scored it; a bare yes is not known to be one."""
    angry, bare = get(api, f"/api/calls/{CALL}/sentiments")["sentiments"]
    assert (angry["message_id"], angry["label"]) == ("user-1", "negative")
    assert angry["score"] < 0 < angry["confidence"] <= 1
    assert (bare["label"], bare["score"], bare["confidence"]) == ("unknown", None, None)
    assert "/" in angry["scorer"]


def test_an_incident_names_the_newest_message(api):
    """By which its place in the conversation is found."""
    (incident,) = get(api, f"/api/calls/{CALL}/incidents")["incidents"]
    assert (incident["kind"], incident["message_id"]) == ("hang", "user-2")


def test_calls_with_alerts_are_found(api, database, database_url):
    """And those without."""
    with Stages(database_url) as stages:
        stages.send(conversation_update([welcome()], call_id="WC-2"))
    raise_alert(database, "a", call_id=CALL)
    raise_alert(database, "b")
    found = {alerts: [call["call_id"] for call in get(api, "/api/calls", alerts=alerts)["calls"]] for alerts in (1, 0)}
    assert found == {1: [CALL], 0: ["WC-2"]}
