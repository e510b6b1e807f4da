"""What rules find in the facts of a call: at, below and above each threshold, and when it is over."""

from datetime import timedelta

import pytest

from shared.alerting.rules import Rules
from tests.alerts import BEGINNING, make_rules
from workers.alerting.facts import CallFacts, HangPlace, Mood, Newest
from workers.alerting.findings import Finding, alert_id_of
from workers.alerting.judging import Clocks, judge

NOW = BEGINNING + timedelta(hours=3)
CLOCKS = Clocks(NOW, NOW)


def find(rules: Rules, clocks: Clocks = CLOCKS, **facts) -> list[Finding]:
    """Judge a call of which a test tells what matters."""
    return judge(rules.values(), CallFacts("call", **facts), clocks)


def ago(seconds: float):
    return NOW - timedelta(seconds=seconds)


def mood(number: int, confidence: float = 0.9) -> Mood:
    return Mood(f"user-{number}", confidence, -0.8, ago(100 - number))


def said(seconds: float, role: str = "user", *, is_answered: bool = False) -> Newest:
    return Newest("user-1", role, ago(seconds), is_answered)


@pytest.mark.parametrize(("confidence", "number"), [(0.7, 0), (0.8, 0), (0.81, 1)])
def test_anger_is_more_than_the_threshold(confidence, number):
    """A negative message is told when its confidence is above the rule's, and not at it."""
    assert len(find(make_rules(negative_sentiment={}), moods=[mood(1, confidence)])) == number


def test_a_call_is_angry_once():
    """By call the earliest message stands for all, and whichever that is, the alert is the same one."""
    rules = make_rules(negative_sentiment={})
    (first,) = find(rules, moods=[mood(1), mood(2)])
    (later,) = find(rules, moods=[mood(2)])
    assert (first.message_id, later.message_id) == ("user-1", "user-2")
    assert alert_id_of(first) == alert_id_of(later)


def test_each_message_is_angry_where_that_is_wanted():
    """By message each has an alert of its own, whatever is found beside it."""
    found = find(make_rules(negative_sentiment={"per": "message"}), moods=[mood(1), mood(2)])
    assert [one.message_id for one in found] == ["user-1", "user-2"]
    assert len({alert_id_of(one) for one in found}) == 2


@pytest.mark.parametrize("is_over", [False, True])
def test_what_is_found_in_a_call_that_has_ended_is_over(is_over):
    """Anger, a hang, bad transcription and costs are told of a call that has ended, but they do not go on."""
    hang = HangPlace(["message user-1"], "user-1", 1, ago(5), ago(5))
    rules = make_rules(negative_sentiment={}, hang={}, stt_confidence={}, call_cost={})
    facts = {"moods": [mood(1)], "hangs": [hang], "mean_confidence": 0.3, "confidences": 5, "total_cost": 2.0}
    found = find(rules, is_over=is_over, **facts)
    assert [(one.rule.name, one.raises, one.holds) for one in found] == [
        (name, True, not is_over) for name in ("negative_sentiment", "hang", "stt_confidence", "call_cost")
    ]


@pytest.mark.parametrize(("spoke", "holds"), [(None, True), (20, True), (10, True), (9, False)])
def test_a_hang_ends_when_the_assistant_speaks_afterwards(spoke, holds):
    """What it said before or at the time of the hang does not end it."""
    hang = HangPlace(["message user-1"], "user-1", 2, ago(15), ago(10))
    (found,) = find(make_rules(hang={}), hangs=[hang], assistant_spoke_at=spoke and ago(spoke))
    assert (found.message_id, found.detail["hangs"], found.raises, found.holds) == ("user-1", 2, True, holds)


@pytest.mark.parametrize(("mean", "messages", "number"), [(0.49, 5, 1), (0.49, 4, 0), (0.5, 5, 0), (None, 0, 0)])
def test_transcription_is_bad_below_the_threshold(mean, messages, number):
    """The mean of enough messages must be below it."""
    assert len(find(make_rules(stt_confidence={}), mean_confidence=mean, confidences=messages)) == number


@pytest.mark.parametrize(("seconds", "expected"), [(14.9, [False]), (15, [True]), (3599, [True]), (3600, [])])
def test_dead_air_is_a_message_without_reply_for_long(seconds, expected):
    """It is raised once it lasts as long as the rule says, and over after an hour: the end of such a call was lost."""
    assert [one.raises for one in find(make_rules(dead_air={}), newest=said(seconds))] == expected


@pytest.mark.parametrize(
    ("since_hang", "since_word", "holds"), [(3600, 3600, False), (3599, 9999, True), (9999, 3599, True)]
)
def test_a_hang_is_over_when_nothing_was_heard_for_an_hour(since_hang, since_word, holds):
    """The end of such a call was lost; while nobody knows what waits it stays as it is."""
    facts = {"hangs": [HangPlace(["moment 1"], None, 1, ago(since_hang), ago(since_hang))], "newest": said(since_word)}
    assert [one.holds for one in find(make_rules(hang={}), **facts)] == [holds]
    assert [one.holds for one in find(make_rules(hang={}), Clocks(NOW, None), **facts)] == [True]


def test_a_person_who_took_over_is_no_silence_of_the_assistant():
    """While a call is forwarded there is neither dead air nor a hang."""
    hang = HangPlace(["moment 1"], None, 1, ago(20), ago(20))
    rules = make_rules(dead_air={}, hang={})
    assert find(rules, newest=said(20), hangs=[hang], is_forwarded=True) == []
    assert len(find(rules, newest=said(20), hangs=[hang])) == 2


@pytest.mark.parametrize(
    "facts",
    [
        {"newest": said(20), "is_over": True},
        {"newest": said(20, is_answered=True)},
        {"newest": said(20, "assistant")},
        {"newest": None},
    ],
    ids=["ended", "answered", "the assistant spoke last", "nobody spoke"],
)
def test_other_silences_are_no_dead_air(facts):
    """A call that ended, a reply, the assistant's last word, and no word at all are none."""
    assert find(make_rules(dead_air={}), **facts) == []


def test_nothing_is_called_late_before_everything_is_stored():
    """What counts is up to when events are stored; where that is not known, clocks raise nothing and end nothing."""
    rules = make_rules(dead_air={}, endless_call={})
    facts = {"newest": said(20), "began_at": ago(3 * 3600), "heard_since": ago(3 * 3600)}
    assert [one.raises for one in find(rules, **facts)] == [True, True]
    behind = Clocks(NOW, NOW - timedelta(hours=2))
    assert [one.raises for one in find(rules, behind, **facts)] == [False, False]
    unknown = Clocks(NOW, None)
    assert [(one.raises, one.holds) for one in find(rules, unknown, **facts)] == [(False, True)] * 2


@pytest.mark.parametrize(
    ("hours", "raises"), [(1.9, False), (2, True), (3, True), (7 * 24 - 1, True), (7 * 24, False), (3000, False)]
)
def test_a_call_is_endless_after_hours_and_imported_after_days(hours, raises):
    """A call is told of once it lasts too long, unless it began more than a week ago."""
    began_at = ago(hours * 3600)
    found = find(make_rules(endless_call={}), began_at=began_at, heard_since=began_at)
    assert [one.raises for one in found] == [raises]


@pytest.mark.parametrize(("heard_since", "raises"), [(ago(7199), False), (ago(7200), True), (None, False)])
def test_a_call_of_which_nobody_knew_is_not_endless(heard_since, raises):
    """One of yesterday that is told only now, or of which nobody knows since when, may well have an end."""
    found = find(make_rules(endless_call={}), began_at=ago(24 * 3600), heard_since=heard_since)
    assert [one.raises for one in found] == [raises]


@pytest.mark.parametrize("facts", [{"is_over": True, "began_at": ago(9000)}, {"began_at": None}])
def test_a_call_with_an_end_is_not_endless(facts):
    """Neither is one of which the beginning is not told."""
    assert find(make_rules(endless_call={}), **facts) == []


@pytest.mark.parametrize(
    ("cost", "number"), [(None, 0), (0.99, 0), (1.0, 0), (1.01, 1), (float("nan"), 0), (float("inf"), 0)]
)
def test_a_call_costs_too_much_above_the_threshold(cost, number):
    """What is no amount is none that is too high."""
    assert len(find(make_rules(call_cost={}), total_cost=cost)) == number


@pytest.mark.parametrize(("assistant_id", "number"), [("one", 1), ("two", 0), (None, 0)])
def test_a_rule_may_be_about_some_assistants(assistant_id, number):
    """Then it finds nothing in calls of others, nor in calls of which the assistant is not told yet."""
    rules = make_rules(call_cost={"assistants": ["one", "three"]})
    assert len(find(rules, assistant_id=assistant_id, total_cost=5.0)) == number


def test_ids_do_not_run_into_each_other():
    """Whatever call and thing an alert is about, its id is its own."""
    (rule,) = make_rules(hang={}).values()
    findings = [Finding(rule, NOW, {}, call_id=call_id, thing=thing) for call_id, thing in (("ab", "c"), ("a", "bc"))]
    assert len({alert_id_of(finding) for finding in findings}) == 2
