"""An event as a stage reads it."""

import msgspec
import pytest

from shared.errors import BadEvent
from shared.event_records import StoredEvent
from shared.events import read_event, read_message, replied_to, unnamed
from tests.calls import CALL_ID, EXAMPLE, RECEIVED_AT_MS, stored, user


@pytest.mark.parametrize(
    ("message_id", "role", "answered"),
    [
        ("user-3-WcIrvV6mE7-1772702495604", "assistant", "user-3"),
        ("user-12-x-1", "assistant", "user-12"),
        ("user-3-WcIrvV6mE7-1772702495604", "user", None),
        ("user-3-WcIrvV6mE7-1772702495604", None, None),
        ("user-3", "assistant", None),
        ("welcome-1", "assistant", None),
        ("user-3-x-late", "assistant", None),
        ("idle", "assistant", None),
    ],
)
def test_replied_to(message_id: str, role: str | None, answered: str | None):
    """An assistant's id names the user's message it answers; a user's, which begins alike, names none."""
    assert replied_to(message_id, role) == answered


def test_parts_of_the_documented_example():
    """The parts of an event are read one by one."""
    event = read_event(stored(EXAMPLE.read_bytes()))
    assert event.sent_at == 1772702480281
    assert event.part("call")["id"] == CALL_ID
    assert event.part("analysis") == {}
    assert event.part("metadata") == {}
    assert len(msgspec.json.decode(event.history)) == 5


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"message": 1}', b'{"message": {', b"[" * 100_000, b"\xff"])
def test_body_that_is_no_event(body: bytes):
    """A stored body that the ingest would not let in is a bad event; its text is not in the error."""
    with pytest.raises(BadEvent, match=r"^the stored body is no event$"):
        read_event(StoredEvent("id", "hang", "call", RECEIVED_AT_MS, body))


def test_event_without_history():
    """An event that carries no messages has an empty history."""
    assert read_event(StoredEvent("id", "hang", "call", RECEIVED_AT_MS, b'{"message": {}}')).history == b"[]"


@pytest.mark.parametrize("raw", [b"null", b'"text"', b"[]", b"7", b"{}"])
def test_message_that_is_no_object_says_nothing(raw: bytes):
    """An element of the history that is no message has no field."""
    message = read_message(msgspec.Raw(raw))
    assert (message.message_id, message.role, message.text, message.timestamp) == (None, None, None, None)


def test_message_of_wrong_types_keeps_what_it_can():
    """Each field is read for itself: one of a wrong type costs only itself."""
    raw = b'{"messageId": 5, "role": "", "text": {"a": 1}, "timestamp": "2026-03-05T09:21:20Z", "metrics": []}'
    message = read_message(msgspec.Raw(raw))
    assert (message.message_id, message.role, message.text) == ("5", None, '{"a":1}')
    assert (message.timestamp, message.metrics, message.skipped) == (1772702480000, {}, [])


def test_message_without_an_id_is_named_by_its_contents():
    """The same message without an id is the same one whenever it comes again; another one is another."""
    first, again, other = (msgspec.Raw(raw) for raw in (b'{"text":"a"}', b'{"text":"a"}', b'{"text":"b"}'))
    assert unnamed(first) == unnamed(again)
    assert unnamed(first) != unnamed(other)


def test_user_message_of_the_builders_is_read():
    """The builders speak the platform's language."""
    message = read_message(msgspec.Raw(msgspec.json.encode(user(1, text="Hi.", confidence=0.5))))
    assert (message.message_id, message.role, message.text) == ("user-1", "user", "Hi.")
    assert message.metrics["stt"]["confidence"] == 0.5


def test_a_dash_in_the_random_part_does_not_unpair_a_reply():
    """The usual form of a user's id is found again whatever the random part holds."""
    assert replied_to("user-1-Wc-rvV6-mE7-1772702495604", "assistant") == "user-1"
