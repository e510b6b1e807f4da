"""Live streams on real servers: what workers write is told, nothing is missed, and no trouble reaches the workers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import psycopg
import pytest
from redis import Redis

from console.services import make_services
from console.streams import streams as streams_module
from console.streams.changes import page_changes
from console.streams.horizon import read_horizon
from console.streams.mailboxes import Mailbox
from console.streams.pump import MOST_ROWS_ALONE
from console.streams.stream import Stream
from console.streams.streams import Streams, TooManyStreams
from shared.announcements import CHANNEL, announce
from tests.calls import (
    assistant,
    conversation_update,
    end_of_call_report,
    error,
    having,
    status_update,
    user,
    welcome,
)
from tests.consoles import console_settings
from tests.event_streams import EventReader
from tests.programs import wait_for
from tests.stage_runs import Stages

CALL, OTHER = "WC-1", "WC-2"
HISTORY = [welcome(), user(1), assistant(1), user(2)]
FOR_EVER = 1000.0

Write = Callable[..., None]
Follow = Callable[..., EventReader]


@pytest.fixture
def write(redis: Redis, database_url: str) -> Iterator[Write]:
    """Store events as workers do, and announce them unless told not to."""
    with Stages(database_url) as stages:

        def store(*events, is_announced: bool = True) -> None:
            stages.send(*events)
            if is_announced:
                announce(redis, [event.call_id for event in events])

        yield store


@contextmanager
def running(redis_url: str, database_url: str, **settings: object) -> Iterator[Streams]:
    """Run streams inside this process, with heartbeats that come quickly."""
    services = make_services(console_settings(redis_url, database_url, **settings))
    services.store.open()
    streams = Streams(services, heartbeat_seconds=0.05)
    streams.start()
    try:
        yield streams
    finally:
        streams.stop()
        services.store.close()
        services.redis.close()


@pytest.fixture
def streams(servers, redis, database_url, write) -> Iterator[Streams]:
    """Streams, with two calls of one message each; Redis tells them of changes."""
    write(conversation_update([welcome()], call_id=CALL), conversation_update([welcome()], call_id=OTHER))
    with running(servers.redis_url, database_url) as running_streams:
        wait_for(lambda: redis.pubsub_numsub(CHANNEL)[0][1])
        yield running_streams


@pytest.fixture
def only_hints(monkeypatch) -> None:
    """Let nothing be looked at unless a hint says so."""
    monkeypatch.setattr(streams_module, "LOOK_SECONDS", FOR_EVER)


def reading(stream: Stream) -> EventReader:
    """Read a stream of this process in the background."""
    return EventReader(iter(stream), stream.close)


def follow(streams: Streams, call_id: str = CALL, after: int | None = None) -> EventReader:
    """Open a stream of a call and read it."""
    return reading(streams.follow_call(call_id, after))


def add_messages(database: psycopg.Connection, newest: int) -> None:
    """Have the user say messages up to a number in one transaction, those apart that are there."""
    database.execute(
        "insert into messages (call_id, message_id, role, version, fingerprint)"
        " select %s, 'm' || number, 'user', '{0,0,0,0}', 0 from generate_series(1, %s) as number"
        " on conflict do nothing",
        (CALL, newest),
    )


def test_a_hint_brings_every_kind_of_change(only_hints, streams, write):
    """Messages, turns, statuses, interruptions, incidents and the call itself are told, as listings show them."""
    with follow(streams) as reader:
        wait_for(lambda: reader.last_id)
        skipped = user(2, skipped=[{"messageId": "welcome-1", "text": "I was saying"}])
        write(
            conversation_update([welcome(), user(1), assistant(1), skipped], call_id=CALL),
            status_update("finished", call_id=CALL),
            error(call_id=CALL),
            end_of_call_report(call_id=CALL),
        )
        kinds = {"message", "turn", "status", "interruption", "incident", "call"}
        wait_for(lambda: kinds <= {event.name for event in reader.events})
        wait_for(lambda: any(row["turn_latency_ms"] for row in reader.rows("turn")))
        assert reader.rows("message")[0]["text"] == "Hello."
        assert reader.rows("status")[0]["status"] == "finished"
        assert reader.rows("interruption")[0]["interrupted_text"] == "I was saying"
        assert reader.rows("incident")[0]["code"] == "rate_limit_exceeded"
        wait_for(lambda: reader.rows("call")[-1]["status"] == "finished")
        assert not {"user_number", "metadata", "structured_data"} & set(reader.rows("call")[-1])


def test_a_changed_message_is_told_again_and_the_others_are_not(only_hints, streams, write):
    """One message is worded anew: it comes with its new wording, alone."""
    write(conversation_update(HISTORY, call_id=CALL))
    with follow(streams) as reader:
        wait_for(lambda: reader.last_id)
        reworded = [*HISTORY[:3], having(HISTORY[3], "text", value="Bye.")]
        write(conversation_update(reworded, call_id=CALL, timestamp=2_000_000_000_000))
        wait_for(lambda: reader.rows("message"))
        assert [(row["text"], row["revision"]) for row in reader.rows("message")] == [("Bye.", 2)]


def test_a_stream_hears_of_its_own_call_alone(only_hints, streams, write):
    """Two calls change; each stream tells of one."""
    with follow(streams, CALL) as one, follow(streams, OTHER) as another:
        wait_for(lambda: one.last_id and another.last_id)
        write(conversation_update(HISTORY, call_id=OTHER), conversation_update(HISTORY, call_id=CALL))
        wait_for(lambda: len(one.message_ids()) == len(another.message_ids()) == 3)
        assert {event.row["call_id"] for event in one.events} == {CALL}
        assert {event.row["call_id"] for event in another.events} == {OTHER}


def test_calls_that_appear_and_end_are_told_to_who_follows_all(only_hints, streams, write):
    """A new call comes as one row, and again when it is over."""
    with reading(streams.follow_calls(None)) as reader:
        wait_for(lambda: reader.last_id)
        write(status_update("ongoing", call_id="WC-new"))
        wait_for(lambda: [row["status"] for row in reader.rows("call")] == ["ongoing"])
        write(status_update("finished", call_id="WC-new", sent_at=2_000_000_000_000))
        wait_for(lambda: reader.rows("call")[-1]["status"] == "finished")
        assert {row["call_id"] for row in reader.rows("call")} == {"WC-new"}


def test_a_quiet_stream_shows_that_it_lives(streams):
    """Comments come while nothing happens."""
    with follow(streams) as reader:
        wait_for(lambda: reader.signs_of_life > 2)
        assert reader.events == []


def test_a_lost_hint_only_delays(monkeypatch, servers, redis, database_url, write):
    """Nobody announces what was written: it is found by looking."""
    monkeypatch.setattr(streams_module, "LOOK_SECONDS", 0.1)
    write(conversation_update([welcome()], call_id=CALL))
    with running(servers.redis_url, database_url) as streams, follow(streams) as reader:
        wait_for(lambda: reader.last_id)
        write(conversation_update(HISTORY, call_id=CALL), is_announced=False)
        wait_for(lambda: len(reader.message_ids()) == 3)


def test_a_row_that_cannot_be_shown_ends_the_streams_of_its_call_alone(only_hints, streams, redis, database):
    """The other call is told of as before."""
    with follow(streams, CALL) as spoilt, follow(streams, OTHER) as sound:
        wait_for(lambda: spoilt.last_id and sound.last_id)
        database.execute("update messages set spoken_at = 'infinity' where call_id = %s", (CALL,))
        database.execute("update messages set text = 'new' where call_id = %s", (OTHER,))
        announce(redis, [CALL, OTHER])
        wait_for(lambda: spoilt.is_over and sound.rows("message"))


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


def test_a_slow_client_is_cut_off_and_misses_nothing(monkeypatch, only_hints, streams, write):
    """Its queue is full: its stream ends, it comes back with its last place, and hears the rest."""
    monkeypatch.setattr(streams_module, "Mailbox", partial(Mailbox, most_bytes=1000))
    stream = streams.follow_call(CALL, None)
    chunks = iter(stream)
    assert next(chunks)
    place = stream._mailbox.horizon
    for number in range(2, 5):
        write(conversation_update([welcome(), *(user(one) for one in range(1, number))], call_id=CALL))
        wait_for(lambda: stream._mailbox._waiting or stream._mailbox._ending)
    wait_for(lambda: stream._mailbox._ending)
    assert list(chunks) == []
    stream.close()
    with follow(streams, after=place) as reader:
        wait_for(lambda: reader.message_ids() == ["user-1", "user-2", "user-3"])


def test_a_long_call_is_followed_while_an_old_transaction_goes_on(only_hints, streams, redis, database, database_url):
    """All that was written since it began is read each time, and told once."""
    with psycopg.connect(database_url) as slow, follow(streams) as reader:
        wait_for(lambda: reader.last_id)
        slow.execute("update calls set summary = 'slow' where call_id = %s", (OTHER,))
        for wanted in (500, 510):
            add_messages(database, wanted)
            announce(redis, [CALL])
            wait_for(lambda wanted=wanted: len(reader.message_ids()) == wanted)
        assert len(set(reader.message_ids())) == 510
        slow.rollback()


def test_more_at_once_than_fits_is_told_page_by_page(only_hints, streams, database, redis):
    """Somebody rewrites a whole call: its streams end, and come back for it."""
    with follow(streams) as reader:
        wait_for(lambda: reader.last_id)
        place = reader.last_id
        add_messages(database, MOST_ROWS_ALONE + 1)
        announce(redis, [CALL])
        wait_for(lambda: reader.is_over)
    with follow(streams, after=place) as reader:
        wait_for(lambda: len(set(reader.message_ids())) == MOST_ROWS_ALONE + 1)


def test_pages_do_not_grow_with_the_call(streams, database):
    """No more than a page of a call is in memory."""
    add_messages(database, 1000)
    pages = list(page_changes(streams._store, CALL, 0, 100))
    assert max(map(len, pages)) == 200
    assert len({change.key for page in pages for change in page if change.event == "message"}) == 1001


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


def test_no_more_streams_than_allowed(servers, redis, database_url, write):
    """One that ends makes room for another."""
    write(conversation_update([welcome()], call_id=CALL))
    with running(servers.redis_url, database_url, console_streams=2) as streams:
        first, _ = streams.follow_call(CALL, None), streams.follow_calls(None)
        with pytest.raises(TooManyStreams):
            streams.follow_call(CALL, None)
        first.close()
        streams.follow_call(CALL, None).close()


def test_a_refused_stream_takes_no_place(servers, redis, database_url, write):
    """Asking for calls that are not there does not use the streams up."""
    write(conversation_update([welcome()], call_id=CALL))
    with running(servers.redis_url, database_url, console_streams=1) as streams:
        for _ in range(3):
            with pytest.raises(Exception, match="no call"):
                streams.follow_call("unknown", None)
        streams.follow_call(CALL, None).close()


def test_the_horizon_of_a_page_is_a_place_to_follow_from(streams, write):
    """What changes between the page's read and its stream is told."""
    place = read_horizon(streams._store)
    write(conversation_update(HISTORY[:2], call_id=CALL))
    with follow(streams, after=place) as reader:
        wait_for(lambda: reader.message_ids() == ["user-1"])
