"""Whether figures keep up with calls. Pure."""

from datetime import datetime, timedelta

# The janitor needs some seconds; after an outage or a rebuild, minutes.
LATE = timedelta(minutes=5)


def is_late(as_of: datetime | None, now: datetime) -> bool:
    """Tell whether figures are so old that somebody should look after whoever makes them."""
    return as_of is not None and now - as_of > LATE
