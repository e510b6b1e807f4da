"""What happened that an alert is about, in words with figures."""

from typing import Any

import pytest

from console.api.alerts import Alert
from console.pages.alert_figures import figures_of
from console.pages.alert_sentences import happening
from shared.alerting.rule_faults import KINDS

WINDOW = {"threshold": 0.02, "window_seconds": 300.0}
ERRORS = {"kind": "error_rate", "errors": 12, "turns": 157, "rate": 12 / 169, **WINDOW}
MEASURED = {"latency_ms": 4100, "percentile": 0.95, "turns": 1200}
LATENCY = {"kind": "turn_latency", **MEASURED, "threshold_ms": 3000.0, "window_seconds": 900.0}


def alert(detail: dict[str, Any] | None, subject: str | None = None) -> Alert:
    moments = dict.fromkeys(("began_at", "raised_at"), "2026-03-05T12:00Z")
    told = {"alert_id": "a", "rule": "any", "severity": "info", "is_silenced": False, **moments}
    return Alert.model_validate({**dict.fromkeys(Alert.model_fields), **told, "subject": subject, "detail": detail})


def words(detail: dict[str, Any] | None, subject: str | None = None) -> str:
    sentence = happening(alert(detail, subject))
    return f"{sentence.before}{sentence.subject}{sentence.after}"


@pytest.mark.parametrize(
    ("detail", "subject", "told"),
    [
        (
            {"kind": "negative_sentiment", "label": "negative", "confidence": 0.91, "score": -0.8519, "threshold": 0.8},
            None,
            "A caller sounds upset: confidence 91 %, above 80 %",
        ),
        ({"kind": "hang", "hangs": 1}, None, "The assistant hung"),
        ({"kind": "hang", "hangs": 2}, None, "The assistant hung (2 times)"),
        (
            {"kind": "stt_confidence", "confidence": 0.412, "messages": 7, "threshold": 0.5},
            None,
            "The transcription is hardly to be trusted: mean confidence 41.2 % over 7 messages, below 50 %",
        ),
        (
            {"kind": "dead_air", "silent_seconds": 17.2, "threshold_seconds": 15.0},
            None,
            "What a caller said had no reply for 17 s, longer than 15 s",
        ),
        (
            {"kind": "endless_call", "seconds": 7510.0, "threshold_seconds": 7200.0},
            None,
            "The call went on for 2 h 5 min 10 s, longer than 2 h, or its end was never told",
        ),
        ({"kind": "call_cost", "cost": 1.25, "threshold": 1.0}, None, "The call cost 1.25, more than 1"),
        (
            {"kind": "hang_rate", "hangs": 30, "calls": 1200, "rate": 0.025, **WINDOW},
            None,
            "The assistant hung in 30 of 1,200 calls within 5 min: 2.5 %, above 2 %",
        ),
        (
            {**ERRORS, "error_type": "llm_error"},
            "gemini",
            "Errors of gemini (llm_error): 12 in 169 turns within 5 min, 7.1 %, above 2 %",
        ),
        ({**ERRORS, "error_type": None}, "gemini", "Errors of gemini: 12 in 169 turns within 5 min, 7.1 %, above 2 %"),
        (LATENCY, None, "Turns took long: percentile 95 of 1,200 within 15 min is 4.1 s, above 3.0 s"),
        (LATENCY, "a-1", "Turns of a-1 took long: percentile 95 of 1,200 within 15 min is 4.1 s, above 3.0 s"),
        (
            {"kind": "interruption_rate", "interruptions": 40, "replies": 100, "rate": 0.4, **WINDOW},
            None,
            "40 interruptions in 100 replies within 5 min: 40 %, above 2 %",
        ),
        (
            {"kind": "feed_silence", "silent_seconds": 93_600.0, "threshold_seconds": 900.0, "days": 3},
            None,
            "No event came for 1 d 2 h, longer than 15 min",
        ),
        ({"kind": "test"}, None, "A test: notices of alerts arrive"),
    ],
)
def test_a_sentence_says_what_happened_with_the_figures_that_matter(detail, subject, told):
    """For each kind of rule; an error stands beside the turns, so that the rate is a share of both."""
    assert words(detail, subject) == told


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_sentence_without_figures(kind):
    """And no brace is left in it, whatever stands where a figure belongs."""
    for detail in ({"kind": kind}, {"kind": kind, "errors": [], "turns": {}, "hangs": "2", "rate": None}):
        told = words(detail)
        assert told
        assert "{" not in told


def test_what_came_from_outside_stands_by_itself():
    """So that the page can keep it apart; braces in it are no places for figures."""
    sentence = happening(alert({**ERRORS, "error_type": None}, "{rate}"))
    assert (sentence.before, sentence.subject) == ("Errors of ", "{rate}")
    assert sentence.after.startswith(": 12 in 169 turns")


@pytest.mark.parametrize("detail", [None, {}, {"kind": "of tomorrow", "rate": 1}, {"kind": ["hang"]}, {"rate": 0.5}])
def test_of_a_kind_that_is_not_known_nothing_is_said(detail):
    """Its figures are listed instead."""
    assert words(detail) == ""


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        (
            {"kind": "odd", "label": "negative", "confidence": 0.923, "threshold": 0.8, "score": -0.9},
            "mood negative, confidence 92.3 %, limit 80 %",
        ),
        (
            {"threshold": 0.05, "window_seconds": 60, "calls": 1200, "rate": 1},
            "rate 100 %, limit 5 %, calls 1,200, in the last 1 min",
        ),
        ({"cost": 1.5, "threshold": 1}, "cost 1.5, limit 1"),
        ({"silent_seconds": 90.0, "threshold_seconds": 0}, "silent for 1 min 30 s, limit 0 s"),
        ({"latency_ms": 4100, "percentile": 0.95, "error_type": None}, "latency 4.1 s, percentile 95"),
        ({"providers": ["a", "b"], "isOdd": True}, 'is odd true, providers ["a", "b"]'),
        ({"window_seconds": {"to": 1}, "_ms": "text"}, ' text, in the last {"to": 1}'),
        (None, ""),
    ],
)
def test_figures_are_listed_with_their_units(detail, told):
    """Shares in percent, durations as such, but for what is of use to programs only."""
    assert ", ".join(f"{name} {value}" for name, value in figures_of(detail)) == told
