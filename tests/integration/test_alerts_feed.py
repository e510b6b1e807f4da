"""Alerts about the feed: silence at a time of day at which there never is."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.publisher import IncomingEvent, Publisher
from shared.rq_names import job_key, queue_key
from shared.settings import Settings
from tests.alerts import Desk, make_rules

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=number) for number in (1, 60, 3600, 86_400))
FEED = make_rules(feed_silence={"silent_for": "15m", "minimum_days": 3})
# A Wednesday, and a Sunday.
WEDNESDAY, SUNDAY = datetime(2026, 3, 18, 9, tzinfo=UTC), datetime(2026, 3, 15, 9, tzinfo=UTC)


def detail(desk: Desk) -> Mapping[str, Any]:
    """Read the figures of the one alert."""
    (alert,) = desk.alerts()
    return alert["detail"]


def hear(desk: Desk, *moments: datetime) -> None:
    """Have had events at some times."""
    for number, moment in enumerate(moments):
        event_id = f"{moment.isoformat()}-{number}"
        desk.run("insert into receipts values ('c', %s, 's', 't', %s, %s, 1)", event_id, moment, moment)


def week_before(today: datetime, *days: int) -> list[datetime]:
    """Say when there were events, on days before, a few minutes earlier than now."""
    return [today - number * DAY - 5 * MINUTE for number in days]


@pytest.mark.parametrize(
    ("days", "number"),
    [((1, 2, 5), 1), ((1, 2, 5, 6, 7, 8, 9, 12, 13), 1), ((1, 2), 0), ((3, 4, 10, 11), 0), ((), 0)],
    ids=["three days", "all days", "two days", "only weekends", "never"],
)
def test_silence_where_there_never_is(days, number, open_desk):
    """Enough days of the same kind had events then; weekends say nothing about a Wednesday."""
    desk = open_desk(FEED)
    hear(desk, *week_before(WEDNESDAY, *days), WEDNESDAY - 16 * MINUTE)
    desk.now = WEDNESDAY
    desk.sweep()
    assert len(desk.alerts()) == number
    if number:
        expected = {"kind": "feed_silence", "silent_seconds": 960.0, "threshold_seconds": 900.0, "days": len(days)}
        assert detail(desk) == expected


def test_a_weekend_is_compared_with_weekends(open_desk):
    """Where weekends are silent a silent Sunday is none, whatever the week was like."""
    desk = open_desk(make_rules(feed_silence={"silent_for": "15m", "minimum_days": 2}))
    hear(desk, *week_before(SUNDAY, 2, 3, 4, 5, 6, 9, 10))
    desk.now = SUNDAY
    desk.sweep()
    assert desk.alerts() == []
    hear(desk, *week_before(SUNDAY, 1, 7))
    desk.sweep(5 * MINUTE)
    assert desk.told() == [("feed_silence", True)]


def test_one_silent_day_tells_that_silence_is_usual(open_desk):
    """A day that had events, and none at that time, is enough; one without any event does not count."""
    desk = open_desk(FEED)
    hear(desk, *week_before(WEDNESDAY, 1, 2, 5, 6), WEDNESDAY - 7 * DAY + 3 * HOUR)
    desk.now = WEDNESDAY
    desk.sweep()
    assert desk.alerts() == []
    desk.run("delete from receipts where event_id like %s", "2026-03-11%")
    desk.sweep(5 * MINUTE)
    assert desk.told() == [("feed_silence", True)]


def test_silence_ends_with_the_next_event(open_desk):
    """It is over at once, and the next silence is another one."""
    desk = open_desk(FEED)
    hear(desk, *week_before(WEDNESDAY, 1, 2, 5), WEDNESDAY - 14 * MINUTE)
    desk.now = WEDNESDAY
    desk.sweep()
    assert desk.alerts() == []
    desk.sweep(2 * MINUTE)
    desk.sweep(40 * MINUTE)
    assert desk.told() == [("feed_silence", True)]
    hear(desk, desk.now)
    desk.sweep(10 * SECOND)
    assert desk.notices() == ["feed_silence raised", "feed_silence resolved"]
    hear(desk, *week_before(desk.now + HOUR, 1, 2, 5))
    desk.sweep(HOUR)
    assert desk.told() == [("feed_silence", False), ("feed_silence", True)]


def test_no_silence_while_workers_are_behind(open_desk, redis):
    """What waits has been received."""
    desk = open_desk(FEED)
    hear(desk, *week_before(WEDNESDAY, 1, 2, 5), WEDNESDAY - 20 * MINUTE)
    Publisher(redis, Settings()).publish(IncomingEvent("e" * 32, 0, ["transcripts"], b"{}"))
    since = datetime.now(UTC) - 10 * MINUTE
    redis.hset(job_key(f"{'e' * 32}-transcripts"), "enqueued_at", since.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    desk.now = WEDNESDAY
    desk.sweep()
    assert desk.alerts() == []
    redis.delete(queue_key("transcripts"))
    desk.sweep()
    assert desk.told() == [("feed_silence", True)]
