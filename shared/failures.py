"""Why a job failed, in one line that quotes nothing. Pure.

RQ keeps the whole traceback with a job. Its last line names the exception; the text behind the name is kept only where
we or RQ have written it, since anybody else's may quote the payload.
"""

import re
from dataclasses import dataclass

ABANDONED = "AbandonedJobError"
UNKNOWN = "unknown"

_RAISED = re.compile(r"(?P<module>(?:\w+\.)*)(?P<name>[A-Za-z_]\w*)(?:: (?P<text>.*))?", re.ASCII)
_TRUSTED = ("shared.", "workers.", "rq.")
_EXCEPTION = re.compile(r"\w*(?:Error|Exception|Exit|Interrupt|Timeout)", re.ASCII)
# A stage's own failures are all told by one class; what it was is the first word of its text.
_WRAPPER = "StageFailed"
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_UNPRINTABLE = re.compile(r"[^ -~]")
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Failure:
    """How a job failed: `error` is a class to filter by, `reason` a line to read, which begins with a class."""

    error: str
    reason: str


def failure_told_by(exception_text: str) -> Failure:
    """Read what RQ keeps of a failed job: a traceback, or a sentence of RQ's own about a worker that has died."""
    lines = exception_text.strip().splitlines()
    if not lines:
        return Failure(UNKNOWN, UNKNOWN)
    if not lines[0].startswith("Traceback"):
        return Failure(ABANDONED, f"{ABANDONED}: the worker ended while it had the job")
    raised = _RAISED.fullmatch(lines[-1])
    return _failure(raised) if raised else Failure(UNKNOWN, UNKNOWN)


def _failure(raised: re.Match[str]) -> Failure:
    name, text = raised["name"], raised["text"] or ""
    if not raised["module"].startswith(_TRUSTED):
        # The last line may be no exception's name at all, but the end of a text of several lines.
        return Failure(name, name) if _EXCEPTION.fullmatch(name) else Failure(UNKNOWN, UNKNOWN)
    reason = _UNPRINTABLE.sub("?", f"{name}: {text}" if text else name)[:LONGEST_REASON]
    inner = _NAME.match(text) if name == _WRAPPER else None
    return Failure(inner[0] if inner else name, reason)
