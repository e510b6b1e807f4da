"""What a status-update, hang or error tells."""

from typing import Any

import msgspec
import pytest

from shared.errors import BadEvent
from shared.event_records import StoredEvent
from shared.events import WebhookEvent, read_event, unnamed
from shared.fields import moment
from tests.calls import STARTED_AT_MS, conversation_update, end_of_call_report, error, hang, status_update, user
from workers import lifecycle
from workers.lifecycle import incident_row, status_row


def _incident(stored: StoredEvent) -> dict[str, Any]:
    row = incident_row(read_event(stored))
    assert row is not None
    return row


def test_status():
    """A status-update is a status at its moment, with the phone's own."""
    row = status_row(read_event(status_update("queued", phoneCallStatus="ringing", phoneCallStatusReason="")))
    assert row is not None
    assert (row["status"], row["occurred_at"]) == ("queued", moment(STARTED_AT_MS))
    assert (row["phone_call_status"], row["reason"]) == ("ringing", None)


def test_status_without_a_moment():
    """A status that came without any time is kept, at the beginning of time."""
    row = status_row(read_event(status_update("queued", sent_at=0)))
    assert row is not None
    assert row["occurred_at"].year == 1970


@pytest.mark.parametrize("stored", [conversation_update([]), end_of_call_report(), hang(), error(), status_update("")])
def test_other_events_tell_no_status(stored: StoredEvent):
    """Only a status-update that names one is a change of status."""
    assert status_row(read_event(stored)) is None


def test_hang_is_an_incident():
    """A hang is an incident without a code."""
    row = _incident(hang([user(1)]))
    assert (row["kind"], row["code"], row["details"]) == ("hang", None, None)


def test_error_is_an_incident():
    """An error tells who failed, how, and whether it may pass; what has no column is among the details."""
    row = _incident(error(error={"code": "c", "provider": "p", "retryable": False, "details": {"d": 1}, "attempt": 2}))
    assert (row["kind"], row["code"], row["provider"], row["retryable"]) == ("error", "c", "p", False)
    assert row["details"] == '{"attempt":2,"d":1}'


@pytest.mark.parametrize(
    ("fault", "details"), [(None, None), ([], None), ("text", None), ({"details": "d"}, '{"details":"d"}'), ({}, None)]
)
def test_error_of_any_shape(fault: object, details: str | None):
    """An error of any shape is an incident."""
    assert _incident(error(error=fault))["details"] == details


def test_repeated_hangs_are_several_incidents_and_a_repeated_delivery_is_one():
    """What is told at another moment is another incident; the same told twice is the same."""
    first, again, later = hang(timestamp=1), hang(timestamp=1, customer={}), hang(timestamp=2)
    assert _incident(first)["incident_id"] == _incident(again)["incident_id"]
    assert _incident(first)["incident_id"] != _incident(later)["incident_id"]


def test_same_incident_in_two_calls():
    """Incidents of two calls stay apart."""
    assert _incident(hang(call_id="a"))["incident_id"] != _incident(hang(call_id="b"))["incident_id"]


@pytest.mark.parametrize(
    ("stored", "message_id"),
    [
        (hang([user(1), user(2)]), "user-2"),
        (error([user(1)]), "user-1"),
        (hang(), None),
        (error(), None),
        (hang("no list"), None),
    ],
)
def test_place_of_an_incident(stored: StoredEvent, message_id: str | None):
    """An incident stands at the newest message that it came with, and nowhere where it came with none."""
    assert _incident(stored)["message_id"] == message_id


def test_place_at_a_message_without_an_id():
    """A message without an id has the name that it has everywhere."""
    nameless = b'{"text":"Hello."}'
    event = WebhookEvent("e", "hang", "c", 1, b"", {"messages": msgspec.Raw(b"[%b]" % nameless)})
    assert (incident_row(event) or {})["message_id"] == unnamed(msgspec.Raw(nameless))


def test_place_at_a_message_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch):
    """A message that nests too deeply costs the place, and not the incident."""

    def refuse(_: msgspec.Raw) -> None:
        raise BadEvent("nested_too_deeply")

    monkeypatch.setattr(lifecycle, "read_message", refuse)
    row = _incident(hang([user(1)]))
    assert (row["kind"], row["message_id"]) == ("hang", None)
