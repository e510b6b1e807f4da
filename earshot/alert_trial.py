"""Try out whether notices of alerts arrive: raise an alert that is there for nothing else, and follow its notices."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from redis import Redis

from shared.alerting.alerts import Alerts, SentNotice
from shared.alerting.notices import PUBLISHED_AT_ONCE, Notice, notice_event, publish_notices
from shared.database import Database
from shared.event_stories import PendingStage, Stories
from shared.janitors import janitor_of
from shared.publisher import Publisher
from shared.queue_figures import read_queue
from shared.redis_client import redis_faults_told
from shared.settings import Settings

Outcome = Literal["delivered", "failed", "unattended", "waiting"]


@dataclass(frozen=True, slots=True)
class Result:
    """How it stands with the notice to one channel; `text` says it for people, and may hold others' words."""

    channel: str
    outcome: Outcome
    text: str


class Trial:
    """One alert that is only there to be sent. All methods raise QueueUnavailable and DatabaseUnavailable."""

    def __init__(self, redis: Redis, database: Database, settings: Settings) -> None:
        self._redis = redis
        self._database = database
        self._settings = settings
        self._alerts = Alerts(database)
        self._stories = Stories(redis, database.transaction)

    def begin(self, channels: Sequence[str]) -> str:
        """Raise the alert and put its notices into their queues, behind those that are to be sent before; names it."""
        publisher = Publisher(self._redis, self._settings)
        alert_id = self._alerts.raise_test(channels)
        while publish_notices(self._database, publisher) == PUBLISHED_AT_ONCE:
            pass
        return alert_id

    def results(self, alert_id: str) -> Iterator[Result]:
        """Look how it stands with each notice."""
        for sent in self._alerts.notices("", alert_id):
            yield self._result(sent)

    def janitor_acts(self) -> bool:
        """Say whether there is one who raises alerts."""
        with redis_faults_told():
            return janitor_of(self._redis) is not None

    def _result(self, sent: SentNotice) -> Result:
        if sent.delivered_at:
            seconds = max((sent.delivered_at - sent.made_at).total_seconds(), 0.0)
            return Result(sent.channel, "delivered", f"delivered after {seconds:.1f} s")
        pending = self._pending(sent.notice)
        if pending and pending.attempts:
            again = "" if sent.given_up_at or pending.state == "dead letter" else "; it is tried again"
            return Result(sent.channel, "failed", f"failed: {pending.reason or 'nobody wrote down why'}{again}")
        if sent.given_up_at:
            return Result(sent.channel, "failed", f"given up; see why: earshot failed --stage {sent.channel}")
        if not self._is_attended(sent.channel):
            start = f"start one: earshot worker {sent.channel} (or earshot up, which starts all)"
            return Result(sent.channel, "unattended", f"no worker listens, so the notice waits; {start}")
        return Result(sent.channel, "waiting", f"not delivered yet{self._obstacle(sent)}")

    def _obstacle(self, sent: SentNotice) -> str:
        """Say what a notice waits for that stands behind another one of its channel."""
        first = self._alerts.first_waiting(sent.channel)
        if first is None or first.notice_id >= sent.notice_id:
            return ""
        pending = self._pending(first)
        why = f", which failed: {pending.reason}; it is tried again" if pending and pending.attempts else ""
        return f"; it stands behind notice {first.notice_id}{why}"

    def _pending(self, notice: Notice) -> PendingStage | None:
        told = self._stories.of_id(notice_event(notice).event_id)
        return next((stage for story in told.stories for stage in story.pending if stage.stage == notice.channel), None)

    def _is_attended(self, channel: str) -> bool:
        with redis_faults_told():
            return read_queue(self._redis, channel, self._settings).workers > 0
