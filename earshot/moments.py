"""Times as people write them on a command line, ISO 8601 or how long ago, and as they are shown to them. Pure."""

import re
from datetime import UTC, datetime, timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)


def read_moment(text: str, now: datetime) -> datetime:
    """Read a time, or a duration such as `90m` or `3d` before `now`; without a zone it is UTC. Raises ValueError."""
    if ago := _AGO.fullmatch(text):
        try:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        except OverflowError as error:
            raise ValueError(text) from error
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def write_moment(moment: datetime | None) -> str:
    """Write a time in UTC to the second, without naming the zone; `-` where there is none."""
    return "-" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
