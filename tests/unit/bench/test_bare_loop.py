"""The strongest control must do its work, and no more."""

from bench.controls.bare_loop import new_messages


def event(*texts):
    """An event of one call, a message a text."""
    messages = [{"messageId": f"user-{number}", "text": text} for number, text in enumerate(texts)]
    return {"message": {"call": {"id": "call"}, "messages": messages}}


def test_a_known_message_is_passed_over():
    """Each event repeats the history; only what is new is written."""
    known = set()

    first = list(new_messages([event("a"), event("a", "b")], known))
    second = list(new_messages([event("a", "b", "c")], known))

    assert [message["text"] for _, message in first] == ["a", "b"]
    assert [message["text"] for _, message in second] == ["c"]


def test_a_message_that_changed_is_new():
    """It is known by its wording, not by its id alone."""
    assert len(list(new_messages([event("a"), event("b")], set()))) == 2
