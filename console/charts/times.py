"""The axis of time: a few round moments, and how they are written. All in UTC. Pure."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import dropwhile, islice, takewhile

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
# A Monday, so that weeks begin with one.
_FIRST = datetime(1970, 1, 5, tzinfo=UTC)
_STEPS = (*(_HOUR * hours for hours in (1, 2, 3, 6, 12)), *(_DAY * days for days in (1, 2, 7, 14)))
_MONTHS = (1, 2, 3, 6, 12)
_MONTHS_OF_A_YEAR = 12


def round_moments(since: datetime, until: datetime, most: int) -> tuple[datetime, ...]:
    """Choose at most `most` round moments from `since` to `until`, as near to each other as that allows."""
    for moments in _series():
        later = dropwhile(lambda moment: moment < since, moments(since))
        within = tuple(islice(takewhile(lambda moment: moment <= until, later), most + 1))
        if len(within) <= most:
            return within
    return ()


def moment_labels(moments: tuple[datetime, ...]) -> tuple[str, ...]:
    """Write round moments as short as can be: hours, days or months."""
    are_months = len(moments) > 1 and all(moment.day == 1 and not moment.hour for moment in moments)
    return tuple(map(_month if are_months else _hour_or_day, moments))


def _month(moment: datetime) -> str:
    return f"{moment:%b %Y}" if moment.month == 1 else f"{moment:%b}"


def _hour_or_day(moment: datetime) -> str:
    return f"{moment:%H:%M}" if moment.hour else f"{moment.day} {moment:%b}"


def _series() -> Iterator[Callable[[datetime], Iterator[datetime]]]:
    """Give what counts on, without end, from a round moment that is not behind a given one."""
    yield from (partial(_every, step) for step in _STEPS)
    yield from (partial(_every_months, months) for months in _MONTHS)


def _every(step: timedelta, since: datetime) -> Iterator[datetime]:
    moment = _FIRST + (since - _FIRST) // step * step
    while True:
        yield moment
        moment += step


def _every_months(months: int, since: datetime) -> Iterator[datetime]:
    number = (since.year * _MONTHS_OF_A_YEAR + since.month - 1) // months * months
    while True:
        yield datetime(number // _MONTHS_OF_A_YEAR, number % _MONTHS_OF_A_YEAR + 1, 1, tzinfo=UTC)
        number += months
