"""Set what was found against the alerts that there are: what is to be raised, cleared or resolved. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.alerting.rules import FeedSilence, Occurrence, WindowRule
from workers.alerting.findings import AnyRule, Finding, alert_id_of, alert_ids_of

# The end of a call that is silent for so long will never be told.
GIVEN_UP_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """An alert that was raised before."""

    call_id: str
    alert_id: str
    rule: str
    message_id: str
    subject: str
    raised_at: datetime
    clear_since: datetime | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class Raise:
    """An alert is to be raised, if it never was."""

    alert_id: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class Resolve:
    """An open alert is over; `is_told` is False where that is nobody's news, by its rule or for want of one."""

    alert: KnownAlert
    is_told: bool


@dataclass(frozen=True, slots=True)
class Clear:
    """The condition of an open alert holds no more since then; None: it holds again."""

    alert: KnownAlert
    since: datetime | None


Change = Raise | Resolve | Clear
LastingRule = WindowRule | FeedSilence


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found in calls by the rules, by name; `ended` are those of the calls that are over."""

    findings: Sequence[Finding]
    rules: Mapping[str, AnyRule]
    ended: Collection[str]


def reconcile_calls(judged: Judged, known: Iterable[KnownAlert], now: datetime) -> list[Change]:
    """Say what is to change about the alerts of calls. Each thing has one alert ever, whatever became of that."""
    named = [(alert_ids_of(finding), finding) for finding in judged.findings]
    holding = {alert_id for alert_ids, finding in named if finding.holds for alert_id in alert_ids}
    alerts = {alert.alert_id: alert for alert in known}
    over = (alert for alert in alerts.values() if alert.is_open and _is_over(alert, judged, holding, now))
    resolved = [Resolve(alert, alert.rule in judged.rules and judged.rules[alert.rule].tell_end) for alert in over]
    new = [Raise(ids[0], one) for ids, one in named if one.raises and alerts.keys().isdisjoint(ids)]
    return [*resolved, *new]


def _is_over(alert: KnownAlert, judged: Judged, holding: Collection[str], now: datetime) -> bool:
    rule = judged.rules.get(alert.rule)
    if rule is None or alert.raised_at <= now - GIVEN_UP_AFTER:
        return True
    # What happened does not un-happen when its wording is corrected or its mean recovers.
    return alert.call_id in judged.ended if isinstance(rule, Occurrence) else alert.alert_id not in holding


def reconcile_windows(
    findings: Iterable[Finding], opened: Sequence[KnownAlert], rules: Mapping[str, LastingRule], now: datetime
) -> list[Change]:
    """Say what is to change about the alerts that are about no call, of which `opened` are open."""
    found = {(finding.rule.name, finding.subject): finding for finding in findings}
    alerts = {(alert.rule, alert.subject): alert for alert in opened}
    changes = (_changed(alert, found.get(key), rules.get(alert.rule), now) for key, alert in alerts.items())
    new = [
        Raise(alert_id_of(one, one.began_at.isoformat()), one)
        for key, one in found.items()
        if one.raises and key not in alerts
    ]
    return [*(change for change in changes if change), *new]


def _changed(alert: KnownAlert, finding: Finding | None, rule: LastingRule | None, now: datetime) -> Change | None:
    if rule is None:
        return Resolve(alert, is_told=False)
    if finding is not None:
        return Clear(alert, None) if alert.clear_since else None
    # A time that is still to come was written before the clock was set back.
    since = min(alert.clear_since or now, now)
    if now - since >= _patience(rule):
        return Resolve(alert, rule.tell_end)
    return None if since == alert.clear_since else Clear(alert, since)


def _patience(rule: LastingRule) -> timedelta:
    """Say for how long a condition must not hold until its alert is resolved; an event ends a silence at once."""
    return timedelta() if isinstance(rule, FeedSilence) else rule.clear_for
