"""One line of log for each unit of work."""

import logging
import sys

import pytest

from shared.logs import LineFormatter, log


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture):
    """The lines that a test has logged, as they are printed."""
    caplog.set_level(logging.DEBUG)
    return lambda: [LineFormatter().format(record) for record in caplog.records]


def test_line(lines):
    """A line has a time in UTC, a level, a dotted name and its fields."""
    log(logging.INFO, "stage.done", stage="metrics", events=3, duration_ms=1.25)
    (line,) = lines()
    time, rest = line.split(" ", 1)
    assert time.endswith("Z")
    assert rest == "INFO    stage.done stage=metrics events=3 duration_ms=1.2"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("WC-8201/x@y", "WC-8201/x@y"),
        ("a b", "'a b'"),
        ("a\nb ERROR stage.failed", r"'a\nb ERROR stage.failed'"),
        ("\u2028\u202e", r"'\u2028\u202e'"),
        ('a="b"', "'a=\"b\"'"),
        ("", "''"),
        (None, "None"),
    ],
)
def test_value_from_outside_cannot_break_the_line(lines, value: object, written: str):
    """What is not plain is quoted, so an id can neither begin a line nor feign a field."""
    log(logging.INFO, "event", id=value)
    assert lines()[0].endswith(f" event id={written}")
    assert len(lines()[0].splitlines()) == 1


def test_long_value_is_cut(lines):
    """A 10 kB id takes no more than a line."""
    log(logging.INFO, "event", id="x" * 10_000)
    assert len(lines()[0]) < 200


def test_exception_is_told_by_its_type_alone(caplog: pytest.LogCaptureFixture):
    """A library's traceback may hold a payload, so only its type is written."""
    try:
        int("my name is Asha")
    except ValueError:
        record = logging.LogRecord("rq", logging.ERROR, "", 0, "failed", None, sys.exc_info())
    line = LineFormatter().format(record)
    assert line.endswith("failed exception=ValueError")
