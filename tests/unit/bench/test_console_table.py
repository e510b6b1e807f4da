"""The table of the console's answers, and the amounts of its rows."""

import pytest

from bench.comparisons import judge
from bench.console_arms import comparisons_of
from bench.console_questions import Question
from bench.console_rows import ANSWERED_SHARE, TURN_MESSAGES, Amounts, call_id_of
from bench.console_table import answers_page, rows
from bench.results import Measured, Results, as_document


def section(samples, skipped=None):
    """Lay out what was measured of two questions, as it is kept."""
    asked = [Question("calls", "/api/calls"), Question("latency", "/api/analytics/latency", 500)]
    verdicts = judge(comparisons_of(asked), samples)
    settings = {"rows": {"calls": 1000}, "seconds to make them": 3}
    measured = Measured("The console", settings, 2, samples, verdicts, skipped or {})
    return as_document(Results("2026-03-05", "abc", {}, {"console": measured}), {})["measurements"]["console"]


def answers(p95):
    """Make the figures of a question in two rounds."""
    return {"median ms": [2.0, 4.0], "p95 ms": p95, "max ms": [9.0, 80.0]}


def test_a_target_is_met_by_the_95th_percentile():
    """The median over the rounds decides; the longest time of all is told beside it."""
    samples = {"calls": answers([10, 20]), "latency": answers([400, 700])}
    assert rows(section(samples)) == [
        ("calls", "3", "15", "80", "≤ 50", "met", ""),
        ("latency", "3", "550", "80", "≤ 500", "MISSED", ""),
    ]


def test_a_control_stands_beside_its_question():
    """It has no row of its own."""
    samples = {"calls": answers([10, 20]), "control: calls": answers([1000, 1000])}
    assert rows(section(samples)) == [("calls", "3", "15", "80", "≤ 50", "met", "3")]


def test_what_was_not_answered_is_told_with_the_reason():
    """A question that failed has a row without figures."""
    found = rows(section({"calls": answers([10, 20])}, {"latency": "failed: answered 500", "control: calls": "slow"}))
    assert found[1:] == [("latency", "", "", "", "", "failed: answered 500", "")]


def test_a_page_tells_how_many_rows_there_were():
    """What the figures rest on stands above them, the export below."""
    export = {"export of all calls as CSV": {"rows/s": [2000], "MB at most": [90], "memory, x before": [1.1]}}
    told = answers_page(section({"calls": answers([10, 20]), **export}))
    assert "1,000 calls" in told
    assert told.endswith("rows/s: 2,000, MB at most: 90, memory, x before: 1.1.")


@pytest.mark.parametrize("amounts", [Amounts(), Amounts(calls=3000, messages=40_000, long_messages=2000)])
def test_turns_come_to_the_messages_wished_for(amounts):
    """An exponential distribution of that mean, cut to whole turns, gives the messages beside the long call."""
    turns = 1 + sum(2.718281828459045 ** (-turn / amounts.mean_turns) for turn in range(1, 2000))
    messages = amounts.calls * ANSWERED_SHARE * (1 + TURN_MESSAGES * turns)
    assert messages + amounts.long_messages == pytest.approx(amounts.messages, rel=0.001)


def test_the_id_of_a_call_is_that_of_its_row():
    """The statements make it in the same way; this one was made by PostgreSQL."""
    assert call_id_of(60_000) == "WC-82de40a9-8d38-56b9-c90d-10b80f529a7c"
