"""One line of log for each unit of work: a dotted name, then `key=value`. Never a payload, never personal data.

ERROR means that a person must act. Ids come from outside, so they are quoted when they hold anything but plain
characters, and cut when they are long.
"""

import logging
import os
import re
import sys
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

LONGEST_VALUE = 120

_PLAIN = re.compile(r"[\w.:/@+~-]+", re.ASCII)
# What these have to say of their troubles, the programs say in their own lines.
_LOUD_LIBRARIES = ("psycopg", "rq", "rq.worker", "rq.job", "rq.registry", "rq.queue", "flask_wtf", "httpcore")


class LineFormatter(logging.Formatter):
    """Format a record as `time LEVEL name key=value ...`, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the line; a traceback is told by the exception's type alone, since its text may hold a payload."""
        fields = dict(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0]:
            fields["exception"] = record.exc_info[0].__name__
        told = " ".join([_pair(*field) for field in fields.items()])
        time = f"{_second(int(record.created))}.{int(record.msecs):03}Z"
        return f"{time} {record.levelname:<7} {record.getMessage()} {told}"


class LineHandler(logging.Handler):
    """Write each line by one system call, which needs no lock: threads do not queue up for their log lines."""

    def __init__(self, output: int) -> None:
        super().__init__()
        self._output = output

    def handle(self, record: logging.LogRecord) -> bool:
        """Write a line without the lock that logging's own handlers take."""
        if self.filter(record):
            self.emit(record)
            return True
        return False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; where nobody reads them any more, go on without."""
        rest = f"{self.format(record)}\n".encode()
        try:
            while rest:
                rest = rest[os.write(self._output, rest) :]
        except OSError:
            self.handleError(record)


def configure_logs(level: str) -> None:
    """Send all log lines of this process to standard error, and keep loud libraries quiet."""
    output = LineHandler(sys.stderr.fileno())
    output.setFormatter(LineFormatter())
    logging.basicConfig(level=level, handlers=[output], force=True)
    # What no line of ours tells need not be found out for each: the caller's place, its thread and its process.
    logging._srcfile = None  # noqa: SLF001 - the switch that logging documents
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for library in _LOUD_LIBRARIES:
        logging.getLogger(library).setLevel(logging.CRITICAL)


def log(level: int, name: str, **fields: Any) -> None:
    """Write one line, for example `log(INFO, "stage.done", stage="metrics", events=3)`."""
    logging.getLogger("earshot").log(level, name, extra={"fields": fields})


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _pair(key: str, value: Any) -> str:
    if isinstance(value, float):
        return f"{key}={value:.1f}"
    text = str(value)
    if len(text) > LONGEST_VALUE:
        text = text[:LONGEST_VALUE] + "..."
    return f"{key}={text}" if _PLAIN.fullmatch(text) else f"{key}={text!a}"
