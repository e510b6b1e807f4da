"""Moments as people write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from earshot.moments import read_moment, write_moment

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("2h", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T08:30", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
        ("2026-11-20T08:30:00Z", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
        ("2026-11-20T08:30+01:00", datetime(2026, 11, 20, 7, 30, tzinfo=UTC)),
    ],
)
def test_times_and_durations_are_read(text: str, moment: datetime):
    """ISO 8601 is read in UTC unless it names a zone; a number and a unit are so long ago."""
    assert read_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2 hours", "-2h", "11/20/2026"])
def test_anything_else_is_refused(text: str):
    """What is not understood is not guessed."""
    with pytest.raises(ValueError, match="isoformat"):
        read_moment(text, NOW)


def test_moments_are_written_in_utc():
    """A moment is shown in UTC, to the second; an unknown one as a dash."""
    assert write_moment(datetime(2026, 11, 20, 9, 0, tzinfo=timezone(timedelta(hours=1)))) == "2026-11-20 08:00:00"
    assert write_moment(None) == "-"
