"""One attempt at a notice: from the event record to the courier, and what its failure comes to."""

import logging

from shared.alerting.notices import Notice, read_notice
from shared.database import Database
from shared.errors import OutOfTurn, RetryLater, Unconfirmed, Undeliverable
from shared.event_records import load_event
from shared.jobs import StageJob
from shared.logs import log
from shared.settings import Settings
from workers.delivery.courier import Courier
from workers.delivery.ledger import Ledger

# Each of these may have reached its people: they shall not get the same word two hundred times.
MOST_UNCONFIRMED = 3


class Attempt:
    """What a job of a channel does."""

    def __init__(self, job: StageJob, database: Database, settings: Settings) -> None:
        self._job = job
        self._channel = str(job.origin)
        self._notice: Notice | None = None
        ledger = Ledger(database, with_personal=settings.alert_personal_data)
        self._courier = Courier(self._channel, job.connection, ledger, settings)

    def run(self) -> None:
        """Deliver the job's notice, unless that is done. Raises what the courier raises, and BadEvent."""
        event = load_event(self._job.connection, self._job.event_id)
        if event is not None:
            self._notice = read_notice(event)
            self._deliver(self._notice)

    def _deliver(self, notice: Notice) -> None:
        try:
            self._courier.deliver(notice, self._job.attempts_before)
        except Unconfirmed as failure:
            if self._unconfirmed() >= MOST_UNCONFIRMED:
                raise Undeliverable(str(failure)) from None
            raise

    def _unconfirmed(self) -> int:
        """Count this attempt among those of which nobody knows what became."""
        self._job.meta["unconfirmed"] = attempts = int(self._job.meta.get("unconfirmed", 0)) + 1
        self._job.save_meta()  # type: ignore[no-untyped-call]  # RQ's
        return attempts

    def conclude(self, failure: Exception) -> None:
        """Log how the attempt failed; was it the last one, the notice is waited for no longer.

        Raises DatabaseUnavailable: then the attempt is to be made once more.
        """
        self._job.failure = failure
        is_dead = not self._job.should_retry
        if is_dead and self._notice:
            self._courier.give_up(self._notice)
        self._log(failure, is_dead=is_dead)

    def _log(self, failure: Exception, *, is_dead: bool) -> None:
        if isinstance(failure, OutOfTurn):
            log(
                logging.DEBUG, "notice.waiting", channel=self._channel, event_id=self._job.event_id, reason=str(failure)
            )
            return
        outcome = "waiting" if isinstance(failure, RetryLater) else "dead" if is_dead else "retrying"
        fields = {"event_id": self._job.event_id, "outcome": outcome, "attempts_left": self._job.retries_left or 0}
        ids = {"notice_id": self._notice.notice_id, "alert_id": self._notice.alert_id} if self._notice else {}
        reason = f"{type(failure).__name__}: {failure}"
        level = logging.ERROR if is_dead else logging.WARNING
        log(level, "notice.failed", channel=self._channel, reason=reason, **ids, **fields)
