"""What people read of an alert: a sentence a kind, where, since when, and nothing personal unless it is told."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import pytest

from shared.alerting.rules import CallRule, FeedSilence, WindowRule
from workers.delivery.facts import Facts, Personal
from workers.delivery.wording import headline, lines, link, printable, summarize

BEGAN_AT = datetime(2026, 11, 23, 9, 11, tzinfo=UTC)
RAISED_AT = datetime(2026, 11, 23, 9, 12, tzinfo=UTC)
RESOLVED_AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)

FACTS = Facts(
    what="raised",
    alert_id="ab" * 16,
    rule="angry",
    severity="critical",
    call_id="WC-1",
    message_id="user-3",
    subject="",
    began_at=BEGAN_AT,
    raised_at=RAISED_AT,
    resolved_at=None,
    detail={"kind": "negative_sentiment", "confidence": 0.912, "threshold": 0.8},
)
DETAILS = {
    "negative_sentiment": ({"confidence": 0.912}, "confidence of 91.2 %"),
    "hang": ({"hangs": 2}, "hangs"),
    "stt_confidence": ({"confidence": 0.52, "messages": 9}, "52 % over 9 messages"),
    "dead_air": ({"silent_seconds": 95.0}, "1 min 35 s"),
    "endless_call": ({"seconds": 7500.0}, "2 h 5 min"),
    "call_cost": ({"cost": 1.5, "threshold": 1.0}, "cost 1.5, more than 1"),
    "hang_rate": ({"rate": 0.08, "calls": 1040, "window_seconds": 3600}, "8 % of 1,040 calls within 1 h"),
    "error_rate": ({"rate": 0.05, "errors": 6, "window_seconds": 300}, "6 errors of a provider within 5 min: 5 %"),
    "turn_latency": ({"latency_ms": 3420.4, "percentile": 0.95, "window_seconds": 900}, "percentile 95 is 3,420 ms"),
    "interruption_rate": ({"rate": 0.35, "replies": 80, "window_seconds": 3600}, "Of 80 replies within 1 h 35 %"),
    "feed_silence": ({"silent_seconds": 1020}, "17 min"),
}


def kinds() -> set[str]:
    """Name the kinds of rules that there are."""
    rules = (*get_args(CallRule), *get_args(WindowRule), FeedSilence)
    return {get_args(rule.model_fields["kind"].annotation)[0] for rule in rules}


def test_every_kind_of_rule_has_a_sentence():
    """No kind is told by its name alone."""
    assert set(DETAILS) == kinds()


@pytest.mark.parametrize("kind", DETAILS)
def test_the_sentence_has_the_figures(kind):
    """Each kind tells its own figures, with their units."""
    detail, told = DETAILS[kind]
    assert told in summarize(replace(FACTS, detail={"kind": kind, **detail}))


@pytest.mark.parametrize("kind", DETAILS)
def test_a_missing_figure_costs_only_the_figure(kind):
    """An alert of an earlier version, whose figures had other names, is still told in a sentence."""
    told = summarize(replace(FACTS, detail={"kind": kind}))
    assert told.endswith(".")
    assert "{" not in told


def test_an_unknown_kind_is_told_by_the_rules_name():
    """A rule of a later version says at least its name."""
    assert summarize(replace(FACTS, detail={"kind": "new"})) == "The rule angry applies."
    assert summarize(replace(FACTS, rule="hang", detail={})).startswith("The assistant hangs")


def test_a_notice_of_what_is_over_says_so():
    """What was raised and is over by the time it is sent is told as over, and so is a resolved alert."""
    over = replace(FACTS, resolved_at=RESOLVED_AT)
    assert "over since 2026-11-23 09:30:00 UTC" in summarize(over)
    assert headline(over).startswith("[critical] angry: A caller sounds upset")
    assert headline(replace(over, what="resolved")).startswith("[critical, resolved] angry:")


def test_the_subject_is_told_where_it_is_a_name():
    """A provider or an assistant is named; what only tells places apart is not."""
    errors = replace(FACTS, subject="deepgram", detail={"kind": "error_rate"})
    assert summarize(errors) == "There are too many errors of deepgram."
    told = replace(errors, detail={**errors.detail, "error_type": "stt_error"})
    assert summarize(told) == "There are too many errors of deepgram (stt_error)."
    assert "place" not in summarize(replace(FACTS, subject="place 7", detail={"kind": "hang"}))


def test_an_end_says_why():
    """That a call ended is no solution; of costs there is no end, and a large sum is written out."""
    over = replace(FACTS, what="resolved", resolved_at=RESOLVED_AT, is_call_over=True)
    assert summarize(over).endswith("It is over since 2026-11-23 09:30:00 UTC: the call has ended.")
    cost = replace(over, detail={"kind": "call_cost", "cost": 12345.67, "threshold": 1.0})
    assert summarize(cost) == "A call cost 12,345.67, more than 1."


def test_a_test_is_a_test():
    """The notice of `earshot alerts test` does not frighten anybody."""
    told = summarize(replace(FACTS, rule="test", detail={}, resolved_at=RESOLVED_AT))
    assert told == "This is a test: notices of alerts arrive."


@pytest.mark.parametrize(
    ("call_id", "message_id", "expected"),
    [
        ("WC-1", "", "https://console.example/calls/WC-1"),
        ("WC-1", "user-3", "https://console.example/calls/WC-1?turn=user-3#message-user-3"),
        ("web-Jane Doe/1#?&<>", "", "https://console.example/calls/web-Jane%20Doe%2F1%23%3F%26%3C%3E"),
        ("", "", "https://console.example/alerts"),
    ],
)
def test_the_link_leads_to_the_place(call_id, message_id, expected):
    """Ids are quoted whole; an alert about no call leads to the list of alerts."""
    assert link(replace(FACTS, call_id=call_id, message_id=message_id), "https://console.example/") == expected


def test_without_the_consoles_address_there_is_no_link():
    """The ids are told in any case."""
    assert link(FACTS, None) is None
    assert ("Call", "WC-1") in lines(FACTS)


def test_nothing_personal_is_told_unless_it_is_known():
    """The text and the number are there when Facts has them, cut to a length, and else not even mentioned."""
    assert not {"Caller", "Said"} & dict(lines(FACTS)).keys()
    told = dict(lines(replace(FACTS, personal=Personal("x" * 400, "+15550100"))))
    assert (told["Caller"], told["Said"]) == ("+15550100", "x" * 300 + "...")


def test_a_text_from_outside_stays_on_one_line():
    """Line breaks, control characters and marks that turn the direction of writing do not get through."""
    assert printable("a\r\nBcc: x\0\u2028\u202e") == "a  Bcc: x   "
