"""A call as it was lived, put together from rows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from console.api.histories import Interruption
from console.api.messages import Message
from console.api.sentiments import Sentiment
from console.pages.conversation import Bubble, Facts, PlacedIncident, converse
from console.pages.waterfall import MeasuredTurn


def message(message_id: str, role: str = "user", **parts: Any) -> Message:
    spoken_at = datetime(2026, 3, 5, 9, 21, tzinfo=UTC)
    told = {"text": "Hello.", "spoken_at": spoken_at, "confidence": 0.9, "revision": 1, "reply_to": None, **parts}
    return Message.model_validate({"call_id": "WC-1", "message_id": message_id, "role": role, **told})


def reply(to: str, **parts: Any) -> Message:
    return message(f"{to}-a-1", "assistant", reply_to=to, confidence=None, **parts)


def turn(turn_id: str, reply_message_id: str | None = None, **parts: Any) -> MeasuredTurn:
    nothing = dict.fromkeys(MeasuredTurn.model_fields)
    told = {"call_id": "WC-1", "turn_id": turn_id, "reply_message_id": reply_message_id, **parts}
    return MeasuredTurn.model_validate({**nothing, **told})


def cut(message_id: str, kind: str = "skipped", ordinal: int = 0, **parts: Any) -> Interruption:
    nothing = dict.fromkeys(Interruption.model_fields)
    told = {"call_id": "WC-1", "message_id": message_id, "ordinal": ordinal, "kind": kind, **parts}
    return Interruption.model_validate({**nothing, **told})


def lived(*messages: Message, **facts: Any) -> Sequence[Bubble]:
    return converse(messages, Facts(**facts))


def test_speakers_are_named_by_their_role():
    """The ids of replies begin with `user-` too; what has another role, or none, is said so."""
    bubbles = lived(message("user-1"), reply("user-1"), message("x", "tool"), message("y", None))
    assert [(bubble.speaker, bubble.name) for bubble in bubbles] == [
        ("user", "Caller"),
        ("assistant", "Assistant"),
        ("other", "tool"),
        ("other", "Unknown speaker"),
    ]


def test_a_transcription_hardly_to_be_trusted_is_low():
    """Below half; what has no confidence is not low."""
    bubbles = lived(message("user-1", confidence=0.49), message("user-2", confidence=0.5), reply("user-2"))
    assert [bubble.is_low for bubble in bubbles] == [True, False, False]


def test_a_turn_is_drawn_beside_its_reply():
    """And beside nothing else."""
    said, answer = message("user-1"), reply("user-1")
    bubbles = lived(said, answer, turns=[turn("user-1", answer.message_id, turn_latency_ms=1200.0)])
    assert [bubble.waterfall is not None for bubble in bubbles] == [False, True]


def test_user_messages_without_a_reply_are_told_apart():
    """Who went on speaking was not kept waiting; the last one may be answered yet while the call goes on."""
    said = [message("user-1"), message("user-2"), message("welcome-2", "assistant"), message("user-3")]
    turns = [turn("user-1"), turn("user-2"), turn("user-3")]
    open_call = lived(*said, turns=turns, is_open=True)
    assert [bubble.answer for bubble in open_call] == ["went on", "unanswered", "answered", "waiting"]
    assert lived(*said, turns=turns)[-1].answer == "unanswered"


class TestInterruptions:
    """Who cut in on whom, and what was never heard."""

    def test_a_skipped_message_on_record_is_marked_once(self):
        """Its words are not repeated; the caller's message says that it cut in."""
        answer, after = reply("user-1", text="One moment"), message("user-2")
        skipped = cut("user-2", interrupted_message_id=answer.message_id, interrupted_text="One moment")
        bubbles = lived(message("user-1"), answer, after, interruptions=[skipped])
        assert [bubble.cut for bubble in bubbles] == ["", "interrupted: the caller spoke over it", ""]
        assert [bubble.cut_in for bubble in bubbles] == [False, False, True]

    def test_words_that_stand_in_no_message_are_shown_as_never_heard(self):
        """Before the message that cut in, under an id of their own; an interruption without words adds nothing."""
        skipped = [cut("user-1", "skipped", 0, interrupted_text="At nine or"), cut("user-1", "skipped", 1)]
        unheard, said = lived(message("user-1"), interruptions=skipped)
        assert (unheard.text, unheard.cut, unheard.message) == (
            "At nine or",
            "skipped: never heard by the caller",
            None,
        )
        assert unheard.element_id not in ("", said.element_id)

    def test_a_barge_in_says_how_much_was_heard(self):
        """The report names the message that was being answered; its reply was cut short."""
        heard = cut("user-1", "barge_in", -1, played_ms=1500.0, audio_ms=3200.0)
        bubbles = lived(message("user-1"), reply("user-1"), interruptions=[heard])
        assert [bubble.cut for bubble in bubbles] == ["", "interrupted: 1.5 s of 3.2 s heard"]
        assert not any(bubble.cut_in for bubble in bubbles)

    def test_both_tellings_of_one_interruption_are_one_mark(self):
        """The one that knows how much was heard is taken."""
        answer = reply("user-1", text="One moment")
        tellings = [
            cut("user-2", interrupted_message_id=answer.message_id, interrupted_text="One moment"),
            cut("user-1", "barge_in", -1, played_ms=0.0),
        ]
        bubbles = lived(message("user-1"), answer, message("user-2"), interruptions=tellings)
        assert [bubble.cut for bubble in bubbles] == ["", "interrupted: 0 ms heard", ""]

    def test_a_barge_in_of_an_unknown_turn_marks_nothing(self):
        """It is counted beside the conversation."""
        (bubble,) = lived(message("user-1"), interruptions=[cut("unknown", "barge_in", -1)])
        assert (bubble.cut, bubble.cut_in) == ("", False)


def incident(incident_id: str, behind: str | None) -> PlacedIncident:
    nothing = dict.fromkeys(PlacedIncident.model_fields)
    told = {"call_id": "WC-1", "incident_id": incident_id, "kind": "hang", "behind_message_id": behind}
    return PlacedIncident.model_validate({**nothing, **told})


def test_what_went_wrong_stands_behind_its_message():
    """What came before all messages, or stands on another page, stands behind none."""
    incidents = [incident("a", "user-1"), incident("b", None), incident("c", "user-1"), incident("d", "elsewhere")]
    bubbles = lived(message("user-1"), message("user-2"), incidents=incidents)
    assert [[one.incident_id for one in bubble.incidents] for bubble in bubbles] == [["a", "c"], []]


def test_a_mood_stands_beside_its_message():
    """A message without one has none."""
    told = {"call_id": "WC-1", "message_id": "user-1", "label": "negative", "scorer": "vader/1"}
    mood = Sentiment.model_validate({**dict.fromkeys(Sentiment.model_fields), **told})
    assert [bubble.mood for bubble in lived(message("user-1"), message("user-2"), moods=[mood])] == [mood, None]
