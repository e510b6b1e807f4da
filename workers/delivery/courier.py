"""Deliver the notices of one channel in the order in which they were made, one at a time.

The job of the oldest notice sends it and goes on with those behind it; the jobs of these then find them delivered. A
notice that cannot be delivered is given up when its job becomes a dead letter, and holds up nobody from then on. One
that has been refused for minutes is passed over as soon as one behind it is taken: then the fault is its own.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis import Redis
from redis.exceptions import RedisError

from shared.alerting.notices import Notice, is_lost, notice_event
from shared.errors import NeverRetry, NotDelivered, NotTaken, OutOfTurn
from shared.logs import log
from shared.rq_names import failed_key, job_id_of, scheduled_key
from shared.settings import Settings
from workers.delivery.facts import Facts
from workers.delivery.ledger import Entry, Ledger
from workers.delivery.senders import sender_of
from workers.faults import describe

LOCK = "earshot:delivering:"
# Whoever delivers at the moment is mostly through at once, and may have looked for the next one just before ours came.
LOCK_WAIT_SECONDS = 1.0
# So many attempts take about three minutes. Whoever refuses everything for a while gets everything in order afterwards.
PATIENT_ATTEMPTS = 7
# What the end of a job needs beside the sending.
MARGIN_SECONDS = 2


class Courier:
    """Delivers the notices of one channel. Methods raise RedisError and DatabaseUnavailable."""

    def __init__(self, channel: str, redis: Redis, ledger: Ledger, settings: Settings) -> None:
        self._channel = channel
        self._redis = redis
        self._ledger = ledger
        self._settings = settings
        self._started = time.monotonic()

    def deliver(self, notice: Notice, attempts_before: int) -> None:
        """Deliver a notice if it is its turn, and then those behind it while there is time.

        Raises OutOfTurn where it is not; NotDelivered or Undeliverable where the notice itself was not delivered.
        """
        with self._alone():
            entry = self._ledger.find(notice.notice_id)
            if entry is None or entry.is_delivered:
                return
            if entry.is_waited_for:
                self._check_turn(entry.notice)
            try:
                self._send(entry)
            except NotTaken:
                if entry.is_waited_for:
                    self._try_behind(entry.notice, attempts_before - PATIENT_ATTEMPTS + 1)
                raise
            self._go_on()

    def give_up(self, notice: Notice) -> None:
        """Wait no longer for a notice, and let the next one go at once."""
        self._ledger.give_up(notice)
        with suppress(RedisError):
            self._wake_oldest()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        seconds = self._settings.job_timeout_seconds + self._settings.lease_margin_seconds
        lock = self._redis.lock(f"{LOCK}{self._channel}", timeout=seconds, blocking_timeout=LOCK_WAIT_SECONDS)
        if not lock.acquire():
            raise OutOfTurn("another worker delivers by this channel")
        try:
            yield
        finally:
            # It may have expired, or Redis have gone: then it will.
            with suppress(RedisError):
                lock.release()

    def _check_turn(self, notice: Notice) -> None:
        while (oldest := self._ledger.oldest(self._channel)) and oldest.notice.notice_id != notice.notice_id:
            if not self._is_stuck(oldest):
                raise OutOfTurn(f"notice {oldest.notice.notice_id} comes first")

    def _is_stuck(self, oldest: Entry) -> bool:
        """Tell whether nothing waits to deliver a notice any more; then it is out of the way.

        RQ buries the job of a worker that was killed too often without asking us.
        """
        event_id = notice_event(oldest.notice).event_id
        if self._redis.zscore(failed_key(self._channel), job_id_of(event_id, self._channel)) is not None:
            self._ledger.give_up(oldest.notice)
            return True
        if oldest.is_published and is_lost(self._redis, oldest.notice):
            self._ledger.publish_again(oldest.notice)
        return False

    def _try_behind(self, refused: Notice, places: int) -> None:
        """Send a notice from behind a refused one; if it is taken, those in front of it are passed over.

        It is another one each time, so that several bad ones in a row do not hide behind each other.
        """
        entry = self._ledger.behind(refused, places) if places > 0 and self._has_time() else None
        if entry is None or entry.facts is None:
            return
        with suppress(NotDelivered, NeverRetry):
            self._send(entry)
            self._ledger.pass_over(entry.notice)
            log(logging.WARNING, "notice.passed_over", **_ids(refused), reason="one behind it was taken")
            self._wake(entry.notice)
            self._go_on()

    def _go_on(self) -> None:
        while (following := self._ledger.oldest(self._channel)) and self._has_time():
            try:
                self._send(following)
            except (NotDelivered, NeverRetry):
                break  # its own job tells of that, and decides
            self._wake(following.notice)
        self._wake_oldest()

    def _has_time(self) -> bool:
        needed = self._settings.alert_timeout_seconds + MARGIN_SECONDS
        return time.monotonic() - self._started < self._settings.job_timeout_seconds - needed

    def _send(self, entry: Entry) -> None:
        if entry.facts is None:
            self._ledger.give_up(entry.notice)
            log(logging.WARNING, "notice.dropped", **_ids(entry.notice), reason="its alert is gone")
            return
        started = time.monotonic()
        status = self._hand_over(entry.facts)
        self._ledger.mark_delivered(entry.notice)
        milliseconds = (time.monotonic() - started) * 1000
        log(logging.INFO, "notice.delivered", **_ids(entry.notice), duration_ms=milliseconds, status=status)

    def _hand_over(self, facts: Facts) -> str:
        send = sender_of(self._channel, self._settings)
        try:
            return send(facts)
        except (NotDelivered, NeverRetry):
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours with one notice must not be one with all behind it
            raise NotTaken(describe(error)) from None

    def _wake_oldest(self) -> None:
        if oldest := self._ledger.oldest(self._channel):
            self._wake(oldest.notice)

    def _wake(self, notice: Notice) -> None:
        """End the pause of a notice's job, if it pauses: it is its turn, or it is done."""
        job_id = job_id_of(notice_event(notice).event_id, self._channel)
        self._redis.zadd(scheduled_key(self._channel), {job_id: time.time()}, xx=True, lt=True)


def _ids(notice: Notice) -> dict[str, str | int]:
    return {
        "channel": notice.channel,
        "notice_id": notice.notice_id,
        "alert_id": notice.alert_id,
        "what": notice.what,
    }
