"""What a job runs: one function a stage or channel, and the course that stages share from the event to the transaction.

These are the only functions that a job may name. An exception leaves here without the text of whatever raised it: RQ
keeps and logs that text, and a database's or decoder's may quote the payload.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from rq import get_current_job

from shared.announcements import announce
from shared.database import Connection, Database
from shared.errors import NeverRetry, NotDelivered, RetryLater
from shared.event_records import StoredEvent, load_event
from shared.events import read_event
from shared.jobs import StageJob
from shared.logs import log
from shared.settings import Settings, load_settings
from shared.stages import QUARANTINE
from workers import interruptions as _interruptions
from workers import lifecycle as _lifecycle
from workers import metrics as _metrics
from workers import quarantine as _quarantine
from workers import sentiment as _sentiment
from workers import transcripts as _transcripts
from workers.delivery.jobs import Attempt
from workers.faults import describe
from workers.receipts import save_receipts

# Takes a batch of events; gives, for each that made rows new or changed, how many.
Process = Callable[[Connection, Sequence[Any]], Mapping[str, int]]

PROCESSES: Mapping[str, Process] = MappingProxyType(
    {
        module.STAGE: module.process
        for module in (_transcripts, _metrics, _interruptions, _lifecycle, _sentiment, _quarantine)
    }
)


_databases: list[Database] = []
_settings: list[Settings] = []


class StageFailed(Exception):
    """A stage failed for a reason of its own; the message names the exception's type and place, never its text."""


def open_database(settings: Settings) -> Database:
    """Make ready the connection that this process writes through, and return it; the settings are remembered."""
    _settings[:] = [settings]
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    _databases[:] = [Database(url, settings.database_timeout_seconds, prepare=settings.prepare_statements)]
    return _databases[0]


def run_stage(stage: str, stored: Sequence[StoredEvent]) -> Mapping[str, int]:
    """Take a batch of events through a stage, in one transaction; counts the rows that each made new or changed.

    Raises BadEvent or DatabaseUnavailable; then nothing was written.
    """
    events = stored if stage == QUARANTINE else [read_event(event) for event in stored]
    with _database().transaction() as connection:
        written = PROCESSES[stage](connection, events)
        save_receipts(connection, stage, stored, written)
    return written


def changed_calls(stored: Iterable[StoredEvent], written: Mapping[str, int]) -> set[str]:
    """Name the calls of the events that made rows new or changed, for an announcement."""
    return {event.call_id for event in stored if written.get(event.event_id)}


def _database() -> Database:
    # A stock worker of RQ's starts no program of ours: there the environment tells where to write.
    return _databases[0] if _databases else open_database(load_settings(["DATABASE_URL"]))


def _current_job() -> StageJob:
    job = get_current_job()
    if not isinstance(job, StageJob):
        raise TypeError("a stage runs inside a job of its own class; start the worker with it")
    return job


def _deliver(_event_id: str) -> None:
    database = _database()
    attempt = Attempt(_current_job(), database, _settings[0])
    try:
        attempt.run()
    except Exception as error:  # noqa: BLE001 - as for stages: whatever it is, its text stays here
        is_ours = isinstance(error, NeverRetry | RetryLater | NotDelivered)
        failure = error if is_ours else StageFailed(describe(error))
        attempt.conclude(failure)
        raise failure from None


def _run_job(stage: str, event_id: str) -> None:
    job = _current_job()
    started = time.monotonic()
    try:
        outcome = _run_event(stage, event_id, job)
    except NeverRetry as error:
        _log_failure(logging.ERROR, stage, job, error, "dead")
        raise error from None
    except RetryLater as error:
        _log_failure(logging.WARNING, stage, job, error, "waiting")
        raise error from None
    except Exception as error:  # noqa: BLE001 - the stage's envelope: whatever it is, its text stays here
        failure = StageFailed(describe(error))
        level, what = (logging.WARNING, "retrying") if job.retries_left else (logging.ERROR, "dead")
        _log_failure(level, stage, job, failure, what)
        raise failure from None
    milliseconds = (time.monotonic() - started) * 1000
    log(logging.INFO, "stage.done", stage=stage, events=1, event_id=event_id, duration_ms=milliseconds, **outcome)


def _run_event(stage: str, event_id: str, job: StageJob) -> dict[str, Any]:
    event = load_event(job.connection, event_id)
    if event is None:
        # RQ may hand out a job twice; its event was forgotten when all its stages were done.
        return {"outcome": "already_done"}
    written = run_stage(stage, [event])
    announce(job.connection, changed_calls([event], written))
    rows = sum(written.values())
    return {"outcome": "stored", "call_id": event.call_id, "event_type": event.event_type, "written": rows}


def _log_failure(level: int, stage: str, job: StageJob, error: Exception, outcome: str) -> None:
    reason = f"{type(error).__name__}: {error}"
    left = job.retries_left or 0
    log(level, "stage.failed", stage=stage, event_id=job.event_id, outcome=outcome, attempts_left=left, reason=reason)


# What the jobs of a stage name, by `shared.stages.task_name`.
transcripts = partial(_run_job, "transcripts")
metrics = partial(_run_job, "metrics")
interruptions = partial(_run_job, "interruptions")
lifecycle = partial(_run_job, "lifecycle")
sentiment = partial(_run_job, "sentiment")
quarantine = partial(_run_job, "quarantine")

# The same for channels.
webhook = slack = email = _deliver
