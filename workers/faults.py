"""Say what an exception was without its text, which may quote a payload."""

import traceback
from pathlib import Path

import psycopg


def describe(error: Exception) -> str:
    """Name an exception's type, and the place in our code that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/workers/" in frame.filename or "/shared/" in frame.filename]
    return f"{type(error).__name__}{_sql_fault(error)}{_place(ours[-1]) if ours else ''}"


def _sql_fault(error: Exception) -> str:
    if not isinstance(error, psycopg.Error) or not error.sqlstate:
        return ""
    # Its name is the schema's; the row that breaks it is in the other fields of the diagnosis.
    constraint = error.diag.constraint_name
    return f" ({error.sqlstate}, constraint {constraint})" if constraint else f" ({error.sqlstate})"


def _place(frame: traceback.FrameSummary) -> str:
    return f" at {'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno}"
