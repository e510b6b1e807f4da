"""Verdicts on queues, and bodies made readable."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.api.queues import QueueOfStage
from console.api.replays import Replay
from console.pages.stored_body import LARGEST_LAID_OUT, LONGEST_SHOWN, MOST_BYTES_SHOWN, ReadableBody, make_readable
from console.pages.verdicts import judge, judge_run


def queue(**figures: object) -> QueueOfStage:
    """Build a queue in which all goes well."""
    well = {"depth": 0, "oldest_seconds": None, "workers": 2, "at_work": 0, "dead_letters": 0, "rate": 0.0}
    well |= {"retrying": 0, "retry_error": None, "retry_event_id": None}
    return QueueOfStage(stage="metrics", **(well | figures))


@pytest.mark.parametrize(
    ("figures", "word", "tone"),
    [
        ({}, "Idle", "good"),
        ({"at_work": 3}, "Working", "good"),
        ({"rate": 1.4}, "Working", "good"),
        ({"rate": 1.4, "dead_letters": 1}, "Working", "warn"),
        ({"dead_letters": 1}, "Idle", "warn"),
        ({"retrying": 1}, "Retrying", "warn"),
        ({"retrying": 1, "depth": 5, "oldest_seconds": 90}, "Stuck", "bad"),
        ({"workers": 0}, "Nobody listens", "warn"),
        ({"workers": 0, "depth": 1}, "Nobody listens", "bad"),
        ({"depth": 5, "oldest_seconds": 2, "rate": 9.0}, "Moving", "good"),
        ({"depth": 5, "oldest_seconds": 30}, "Waiting", "warn"),
        ({"depth": 5, "oldest_seconds": 90}, "Stuck", "bad"),
        ({"depth": 5, "oldest_seconds": 90, "rate": None}, "Waiting", "bad"),
        ({"depth": 5000, "oldest_seconds": 90, "rate": 10.0}, "Behind", "warn"),
    ],
)
def test_a_queue_is_judged_in_a_word(figures, word, tone):
    """The word says how it stands, the tone whether somebody must come."""
    verdict = judge(queue(**figures))
    assert (verdict.word, verdict.tone) == (word, tone)


def test_what_failed_is_told_in_words():
    """Jobs that pause with the class of their error, and dead letters, each in number."""
    told = judge(queue(retrying=1, retry_error="CheckViolation", dead_letters=2)).meaning
    assert told == "1 job waits for its next attempt (CheckViolation). 2 dead letters wait for a person."


@pytest.mark.parametrize(
    ("outcome", "replayed", "skipped", "word", "tone"),
    [
        ("done", 7, 0, "done", "good"),
        ("done", 3, 4, "done in part", "warn"),
        ("done", 0, 7, "nothing replayed", "warn"),
        ("interrupted", 3, 0, "interrupted", "warn"),
        ("failed", 0, 0, "failed", "bad"),
        ("running", 0, 0, "running", "plain"),
    ],
)
def test_a_replay_that_did_nothing_looks_like_no_success(outcome, replayed, skipped, word, tone):
    """The word says what came of it."""
    at = datetime(2026, 11, 23, tzinfo=UTC)
    run = Replay(
        replay_id=1,
        started_at=at,
        finished_at=at,
        who="console",
        action="replay",
        source="quarantine",
        filter={},
        matched=7,
        replayed=replayed,
        skipped=skipped,
        outcome=outcome,
    )
    assert (judge_run(run).word, judge_run(run).tone) == (word, tone)


@pytest.mark.parametrize(
    ("depth", "words"), [(100, "less than a minute"), (6000, "about 10 min"), (72_000, "about 2 h")]
)
def test_a_queue_that_is_behind_says_for_how_long(depth, words):
    """From how much waits and how fast it goes."""
    assert words in judge(queue(depth=depth, oldest_seconds=90, rate=10.0)).meaning


def show(body: bytes) -> ReadableBody:
    """Make a body readable that was read whole."""
    return make_readable(body, len(body))


def test_a_body_of_which_a_part_was_read_says_so():
    """Its size is that of the whole, and nothing is laid out that is not all there."""
    shown = make_readable(b"[" + b"1," * MOST_BYTES_SHOWN, 3_000_000)
    assert (shown.size, shown.is_json, shown.is_whole) == (3_000_000, False, False)


def test_json_is_laid_out():
    """A reader sees its structure, and other scripts as they are."""
    body = show('{"a": ["é", 1]}'.encode())
    assert body.text == '{\n  "a": [\n    "é",\n    1\n  ]\n}'
    assert (body.is_json, body.is_whole, body.size) == (True, True, 16)


@pytest.mark.parametrize(
    "body", [b"no json", b'{"a":', b"\xff\xfe", b"[" * 100_000, b"1" * 5000, b"x" * LARGEST_LAID_OUT]
)
def test_what_is_no_json_is_shown_as_it_came(body):
    """Neither broken nor endlessly deep nor long bodies do harm."""
    shown = show(body)
    assert shown.text
    assert shown.is_json is False


def test_a_long_body_is_cut_and_says_so():
    """Laid out or not."""
    for body in (b"x" * (LONGEST_SHOWN + 1), json.dumps(["x"] * LONGEST_SHOWN).encode(), b" " * (LARGEST_LAID_OUT + 1)):
        shown = show(body)
        assert len(shown.text) == LONGEST_SHOWN
        assert (shown.is_whole, shown.size) == (False, len(body))


def test_what_cannot_be_seen_is_written_out():
    """Control characters, letters that turn text around, and half of a pair; what joins an emoji stays."""
    body = show('{"a": "\\ud800\\u0007\u202eb\\u0000 👩‍🚒"}'.encode())
    assert '"\\ud800\\u0007\\u202eb\\u0000 👩‍🚒"' in body.text


@given(st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda text: json.dumps(text).encode())))
def test_any_body_can_be_shown(body):
    """What comes out can be sent as a page."""
    assert show(body).text.encode() is not None
