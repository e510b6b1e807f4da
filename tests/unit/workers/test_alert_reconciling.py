"""What is raised, cleared and resolved, given what was found and the alerts that there are."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.alerts import BEGINNING, make_rules
from workers.alerting.findings import Finding, alert_id_of
from workers.alerting.reconciling import (
    GIVEN_UP_AFTER,
    Clear,
    Judged,
    KnownAlert,
    Raise,
    Resolve,
    reconcile_calls,
    reconcile_windows,
)

RULES = make_rules(hang={}, negative_sentiment={}, hang_rate={"clear_for": "10m"}, feed_silence={})
NOW = BEGINNING
PATIENCE = timedelta(minutes=10)


def finding(name: str = "hang", **parts) -> Finding:
    return Finding(RULES[name], NOW, {}, call_id="call" if name in ("hang", "negative_sentiment") else "", **parts)


def known(found: Finding, **parts) -> KnownAlert:
    told = {
        "call_id": found.call_id,
        "alert_id": alert_id_of(found),
        "rule": found.rule.name,
        "message_id": found.message_id,
        "subject": found.subject,
        "raised_at": NOW,
        "clear_since": None,
        "is_open": True,
    }
    return KnownAlert(**{**told, **parts})


def judged(*found: Finding, rules=RULES, ended: Sequence[str] = ()) -> Judged:
    return Judged(found, rules, ended)


@pytest.mark.parametrize("is_open", [True, False])
def test_what_was_raised_once_is_not_raised_again(is_open):
    """Neither while its alert is open nor after that was resolved."""
    one = finding()
    assert reconcile_calls(judged(one), [], NOW) == [Raise(alert_id_of(one), one)]
    assert reconcile_calls(judged(one), [known(one, is_open=is_open)], NOW) == []


def test_what_only_keeps_an_alert_open_raises_none():
    """It keeps one that is open, and nothing comes of it where there is none."""
    one = finding(raises=False)
    assert reconcile_calls(judged(one), [], NOW) == []
    assert reconcile_calls(judged(one), [known(one)], NOW) == []


@pytest.mark.parametrize("found", [[], [finding(holds=False)]], ids=["not found any more", "over"])
def test_what_is_over_is_resolved_once(found):
    """An open alert is resolved, one that is resolved stays as it is."""
    alert = known(finding())
    assert reconcile_calls(judged(*found), [alert], NOW) == [Resolve(alert, is_told=True)]
    assert reconcile_calls(judged(*found), [known(finding(), is_open=False)], NOW) == []


def test_what_happened_does_not_un_happen():
    """An alert about an occurrence is over when the call is, whether it is still found or not."""
    alert = known(finding("negative_sentiment"))
    assert reconcile_calls(judged(), [alert], NOW) == []
    assert reconcile_calls(judged(ended=["call"]), [alert], NOW) == [Resolve(alert, is_told=False)]


def test_what_was_raised_by_another_name_is_the_same():
    """It is kept open, and nothing is raised, whichever of its names the alert has."""
    alert = known(finding(thing="moment 1"))
    one = finding(thing="message user-1", also_known_as=["moment 1"])
    assert reconcile_calls(judged(one), [alert], NOW) == []
    over = finding(thing="message user-1", also_known_as=["moment 1"], holds=False)
    assert reconcile_calls(judged(over), [alert], NOW) == [Resolve(alert, is_told=True)]


def test_a_rule_that_is_gone_resolves_its_alerts_silently():
    """Nobody is told that a rule was removed."""
    calls, windows = known(finding()), known(finding("hang_rate"))
    assert reconcile_calls(judged(rules={}), [calls], NOW) == [Resolve(calls, is_told=False)]
    assert reconcile_windows([], [windows], {}, NOW) == [Resolve(windows, is_told=False)]


def test_an_end_that_is_never_told_is_not_waited_for_for_ever():
    """After a week an alert about a call is resolved, though its condition holds."""
    one = finding()
    alert = known(one, raised_at=NOW - GIVEN_UP_AFTER)
    assert reconcile_calls(judged(one), [alert], NOW) == [Resolve(alert, is_told=True)]
    assert reconcile_calls(judged(one), [alert], NOW - timedelta(seconds=1)) == []


def test_a_window_is_raised_anew_after_it_was_over():
    """Each time has an id of its own; while one is open there is no other."""
    one, later = finding("hang_rate"), Finding(RULES["hang_rate"], NOW + timedelta(hours=1), {})
    (first,), (second,) = (reconcile_windows([found], [], RULES, NOW) for found in (one, later))
    assert isinstance(first, Raise)
    assert isinstance(second, Raise)
    assert first.alert_id != second.alert_id
    assert reconcile_windows([later], [known(one)], RULES, NOW) == []


def test_subjects_have_alerts_of_their_own():
    """An open alert about one of them is no alert about another."""
    found = [finding("hang_rate", subject=subject) for subject in ("gemini", "openai")]
    assert reconcile_windows(found, [], RULES, NOW) == [Raise(alert_id_of(one, NOW.isoformat()), one) for one in found]
    (change,) = reconcile_windows(found, [known(found[0])], RULES, NOW)
    assert isinstance(change, Raise)
    assert change.finding.subject == "openai"


@pytest.mark.parametrize(
    ("clear_since", "finds", "expected"),
    [
        (None, True, "nothing"),
        (None, False, "clear"),
        (timedelta(minutes=9, seconds=59), False, "nothing"),
        (timedelta(minutes=9), True, "again"),
        (PATIENCE, False, "resolve"),
        (timedelta(minutes=-5), False, "clear"),
    ],
    ids=["it holds", "no more", "for a while", "it holds again", "for long", "the clock was set back"],
)
def test_a_window_is_resolved_when_it_has_been_over_for_a_while(clear_since, finds, expected):
    """Until then it may come back, and then it begins to wait anew."""
    one = finding("hang_rate")
    alert = known(one, clear_since=None if clear_since is None else NOW - clear_since)
    changes = {
        "nothing": [],
        "clear": [Clear(alert, NOW)],
        "again": [Clear(alert, None)],
        "resolve": [Resolve(alert, is_told=True)],
    }
    assert reconcile_windows([one] if finds else [], [alert], RULES, NOW) == changes[expected]


def test_a_silence_ends_with_the_first_event():
    """It does not wait to see whether more come."""
    alert = known(finding("feed_silence"))
    assert reconcile_windows([], [alert], RULES, NOW) == [Resolve(alert, is_told=True)]
