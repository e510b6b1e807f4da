"""The one line that is kept of a failure: what it was, and never a word of anybody's text."""

import pytest

from shared.failures import LONGEST_REASON, Failure, failure_told_by


def traceback(last: str) -> str:
    """Make a traceback as RQ keeps it."""
    return f'Traceback (most recent call last):\n  File "x.py", line 1, in y\n    raise z\n{last}\n'


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (
            traceback("workers.tasks.StageFailed: CheckViolation (23514) at workers/absorption.py:175"),
            Failure("CheckViolation", "StageFailed: CheckViolation (23514) at workers/absorption.py:175"),
        ),
        (
            traceback("shared.errors.BadEvent: the stored body is no event"),
            Failure("BadEvent", "BadEvent: the stored body is no event"),
        ),
        (
            traceback("rq.timeouts.JobTimeoutException: Task exceeded maximum timeout value (30 seconds)"),
            Failure("JobTimeoutException", "JobTimeoutException: Task exceeded maximum timeout value (30 seconds)"),
        ),
        ("", Failure("unknown", "unknown")),
    ],
)
def test_our_own_words_are_kept(text: str, failure: Failure):
    """What the stages and RQ say of a failure is safe by their own rules."""
    assert failure_told_by(text) == failure


@pytest.mark.parametrize(
    "text",
    [
        "Moved to FailedJobRegistry, due to AbandonedJobError, at 2026-11-23 09:12:36",
        "Job was stuck in intermediate queue.",
        "Work-horse terminated unexpectedly; waitpid returned 9",
    ],
)
def test_a_job_whose_worker_died_is_abandoned(text: str):
    """RQ's sentences about dead workers are one class of error."""
    assert failure_told_by(text).error == "AbandonedJobError"


@pytest.mark.parametrize(
    ("last", "error"),
    [
        ("ValueError: 'call me at noon' is no number", "ValueError"),
        ("psycopg.errors.CheckViolation: Failing row contains (call me at noon)", "unknown"),
        ("ValueError: two lines\ncall me at noon", "unknown"),
        ("ValueError: two lines\nnoon: call me", "unknown"),
    ],
)
def test_the_words_of_others_are_not(last: str, error: str):
    """An exception of somebody else's may quote the payload: at most its name is kept."""
    failure = failure_told_by(traceback(last))
    assert failure.error == error
    assert "noon" not in failure.reason


def test_a_reason_is_short_and_printable():
    """Whatever a name or place is made of, a reason fits a line of a terminal and cannot colour it."""
    failure = failure_told_by(traceback("workers.tasks.StageFailed: \x1b[31m" + "x" * 5000))
    assert len(failure.reason) == LONGEST_REASON
    assert "\x1b" not in failure.reason
    assert "\x1b" not in failure.error
