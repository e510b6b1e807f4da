"""Live streams on real servers: Redis or PostgreSQL goes away, and the streams stay."""

import psycopg

from console.streams import streams as streams_module
from shared.announcements import CHANNEL, announce
from tests.calls import conversation_update, welcome
from tests.programs import wait_for
from tests.streaming import CALL, HISTORY, follow, running


def test_without_redis_changes_are_found_by_looking(database_url, write, redis):
    """Nobody can give a hint."""
    write(conversation_update([welcome()], call_id=CALL))
    with running("unix:///nowhere.sock", database_url) as streams, follow(streams) as reader:
        wait_for(lambda: reader.last_id)
        write(conversation_update(HISTORY, call_id=CALL))
        wait_for(lambda: len(reader.message_ids()) == 3)


def test_redis_stops_and_starts_again(only_hints, servers, redis, streams, write):
    """The streams stay open; once Redis is back, hints are heard again."""
    with follow(streams) as reader:
        wait_for(lambda: reader.last_id)
        servers.stop("valkey")
        try:
            write(conversation_update(HISTORY[:2], call_id=CALL), is_announced=False)
            wait_for(lambda: reader.message_ids() == ["user-1"])
        finally:
            servers.start("valkey")
        wait_for(lambda: redis.pubsub_numsub(CHANNEL)[0][1])
        wait_for(lambda: streams._watches.look_seconds == streams_module.LOOK_SECONDS)
        write(conversation_update(HISTORY, call_id=CALL))
        wait_for(lambda: len(reader.message_ids()) == 3)


def test_postgresql_stops_and_starts_again(only_hints, servers, streams, write, redis, caplog):
    """The streams stay open, with heartbeats; what was hinted at meanwhile is told once it is back."""
    with follow(streams) as reader:
        wait_for(lambda: reader.last_id)
        write(conversation_update(HISTORY, call_id=CALL), is_announced=False)
        servers.stop("postgres")
        try:
            announce(redis, [CALL])
            wait_for(lambda: "console.waiting" in caplog.messages)
            signs = reader.signs_of_life
            wait_for(lambda: reader.signs_of_life > signs + 2)
        finally:
            servers.start("postgres")
        wait_for(lambda: len(reader.message_ids()) == 3)
        assert not reader.is_over


def test_a_postgresql_that_stands_still_is_told_of(monkeypatch, streams, database_url):
    """It refuses nobody and answers nobody: open streams say so, and when it is over."""
    monkeypatch.setattr("console.streams.pump.LONGEST_ROUND_SECONDS", 0.2)
    with psycopg.connect(database_url) as slow, follow(streams) as reader:
        wait_for(lambda: reader.last_id)
        slow.execute("lock table messages in access exclusive mode")
        streams._hint(None)
        wait_for(lambda: reader.rows("state") == [{"is_live": False, "reason": "PostgreSQL does not answer"}])
        slow.rollback()
        wait_for(lambda: reader.rows("state")[1:] == [{"is_live": True, "reason": None}])
        assert not reader.is_over
