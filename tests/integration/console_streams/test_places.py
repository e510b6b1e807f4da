"""Live streams on real servers: whoever comes back, from wherever, hears what was missed, and nothing twice."""

import psycopg

from console.streams import streams as streams_module
from console.streams.horizon import read_horizon
from shared.announcements import announce
from tests.calls import conversation_update, user, welcome
from tests.programs import wait_for
from tests.streaming import CALL, HISTORY, OTHER, follow, reading, running


def test_a_stream_from_the_beginning_tells_everything_in_order(monkeypatch, streams, write):
    """Page by page; only the end of it tells the horizon."""
    monkeypatch.setattr(streams_module, "ROWS_AT_ONCE", 3)
    numbers = range(1, 11)
    write(conversation_update([welcome(), *(user(number) for number in numbers)], call_id=CALL))
    with follow(streams, after=0) as reader:
        wait_for(lambda: reader.rows("call"))
        assert reader.message_ids() == ["welcome-1", *(f"user-{number}" for number in numbers)]
        assert sorted(row["turn_id"] for row in reader.rows("turn")) == sorted(f"user-{n}" for n in numbers)
        wait_for(lambda: reader.last_id)


def test_who_comes_back_hears_exactly_what_was_missed(servers, redis, database_url, streams, write):
    """Also from another console: the place is the database's, not the process'."""
    with follow(streams) as reader:
        write(conversation_update(HISTORY[:2], call_id=CALL))
        wait_for(lambda: reader.message_ids() == ["user-1"])
        left_at = reader.last_id
    write(conversation_update(HISTORY, call_id=CALL))
    with running(servers.redis_url, database_url) as others, follow(others, after=left_at) as reader:
        wait_for(lambda: reader.rows("call"))
        assert reader.message_ids() == [HISTORY[2]["messageId"], "user-2"]


def test_a_transaction_that_was_overtaken_is_not_missed(streams, redis, database, database_url):
    """It began before the place was told and ended after: who follows hears of it, and so does who comes back."""
    with psycopg.connect(database_url) as slow, follow(streams) as reader:
        wait_for(lambda: reader.last_id)
        slow.execute("update messages set text = 'slow' where call_id = %s", (CALL,))
        database.execute("update calls set total_cost = 1 where call_id = %s", (CALL,))
        announce(redis, [CALL])
        wait_for(lambda: reader.rows("call"))
        place = reader.last_id
        slow.commit()
        announce(redis, [CALL])
        wait_for(lambda: [row["text"] for row in reader.rows("message")] == ["slow"])
    with follow(streams, after=place) as again:
        wait_for(lambda: [row["text"] for row in again.rows("message")] == ["slow"])


def test_rows_that_are_read_again_are_told_once(only_hints, streams, redis, database, database_url):
    """An old transaction keeps the horizon back: what is read again and again is told a single time."""
    with psycopg.connect(database_url) as slow, follow(streams) as reader:
        slow.execute("update calls set summary = 'slow' where call_id = %s", (OTHER,))
        for number in range(5):
            database.execute("update calls set total_cost = %s where call_id = %s", (number, CALL))
            announce(redis, [CALL])
            wait_for(lambda number=number: [row["total_cost"] for row in reader.rows("call")][number:] == [number])
        slow.rollback()


def test_a_place_of_another_database_means_everything(streams):
    """The database was restored: a place that lies ahead of it says nothing."""
    with follow(streams, after=2**62) as reader:
        wait_for(lambda: reader.message_ids() == ["welcome-1"])


def test_who_follows_all_hears_of_the_recent_calls_that_changed(streams, database):
    """A call that began long ago is not told again."""
    database.execute("update calls set started_at = now() where call_id = %s", (CALL,))
    with reading(streams.follow_calls(0)) as reader:
        wait_for(lambda: [row["call_id"] for row in reader.rows("call")] == [CALL])
        wait_for(lambda: reader.last_id)


def test_the_horizon_of_a_page_is_a_place_to_follow_from(streams, write):
    """What changes between the page's read and its stream is told."""
    place = read_horizon(streams._store)
    write(conversation_update(HISTORY[:2], call_id=CALL))
    with follow(streams, after=place) as reader:
        wait_for(lambda: reader.message_ids() == ["user-1"])
