"""Live streams on real servers: much at once, slow clients, and many of them."""

from collections.abc import Callable
from functools import partial

import psycopg
import pytest

from console.streams import streams as streams_module
from console.streams.changes import page_changes
from console.streams.horizon import read_horizon
from console.streams.mailboxes import Mailbox
from console.streams.streams import Streams, TooManyStreams
from shared.announcements import announce
from tests.calls import conversation_update, user, welcome
from tests.programs import wait_for
from tests.streaming import CALL, OTHER, add_messages, follow, reading, running

MANY = 700


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


def test_more_at_once_than_is_read_with_others_is_told_page_by_page(only_hints, streams, database, redis):
    """Somebody rewrites a whole call: nobody is cut off, and each message is told once."""
    with follow(streams) as reader:
        wait_for(lambda: reader.last_id)
        place = reader.last_id
        add_messages(database, MANY)
        announce(redis, [CALL])
        wait_for(lambda: len(reader.message_ids()) == MANY and reader.last_id > place)
        assert len(set(reader.message_ids())) == MANY
        assert not reader.is_over


@pytest.mark.parametrize("is_held_back", [False, True], ids=["nobody writes", "an old transaction goes on"])
def test_many_calls_at_once_are_told_page_by_page(streams, database, database_url, is_held_back):
    """Each once, look after look, and nobody is cut off; the last page tells the horizon."""
    streams._board.look_seconds = 0.1
    with psycopg.connect(database_url) as slow, reading(streams.follow_calls(None)) as reader:
        if is_held_back:
            slow.execute("update calls set summary = 'slow' where call_id = %s", (OTHER,))
        wait_for(lambda: reader.last_id)
        add_calls(database, MANY)
        wait_for(lambda: len(reader.rows("call")) >= MANY)
        looks = looks_of(streams)
        wait_for(lambda: looks() > 3)
        assert sorted(row["call_id"] for row in reader.rows("call")) == sorted(map(call_name, range(MANY)))
        assert not reader.is_over
        slow.rollback()
        wait_for(lambda: reader.last_id == read_horizon(streams._store))


def test_who_was_cut_off_for_too_much_is_so_once(monkeypatch, streams, database, database_url):
    """An old transaction keeps the horizon back: what was read since by oneself is not sent again."""
    monkeypatch.setattr(streams_module, "Mailbox", partial(Mailbox, most_bytes=20_000))
    with psycopg.connect(database_url) as slow:
        slow.execute("update calls set summary = 'slow' where call_id = %s", (OTHER,))
        stream = streams.follow_calls(None)
        add_calls(database, MANY)
        streams._hint(None)
        wait_for(lambda: stream._mailbox.is_closed)
        place = stream._mailbox.horizon
        stream.close()
        wait_for(lambda: len(streams._board.watch.told) >= MANY)
        with reading(streams.follow_calls(place)) as reader:
            wait_for(lambda: len(reader.rows("call")) == MANY)
            looks = looks_of(streams)
            wait_for(lambda: looks() > 2)
            assert not reader.is_over
            assert len(reader.rows("call")) == MANY
        slow.rollback()


def looks_of(streams: Streams) -> Callable[[], int]:
    """Count the looks at all calls from now on; each is asked for at once."""
    looked_at: set[float] = set()

    def count() -> int:
        streams._hint(None)
        looked_at.add(streams._board.watch.looked_at)
        return len(looked_at)

    return count


def add_calls(database: psycopg.Connection, many: int) -> None:
    """Have so many calls begin in one transaction."""
    database.execute(
        "insert into calls (call_id, started_at) select 'WC-many-' || number, now()"
        " from generate_series(0, %s) as number",
        (many - 1,),
    )


def call_name(number: int) -> str:
    return f"WC-many-{number}"


def test_the_same_is_not_told_twice(only_hints, streams, database, redis):
    """A message and its metrics are written again as they were: of the message and its turn nothing comes."""
    with follow(streams, after=0) as reader:
        wait_for(lambda: reader.rows("call"))
        for cost in (1, 2, 3):
            database.execute("update messages set text = text where call_id = %s", (CALL,))
            database.execute("update calls set total_cost = %s where call_id = %s", (cost, CALL))
            announce(redis, [CALL])
            wait_for(lambda cost=cost: reader.rows("call")[-1]["total_cost"] == cost)
        told = [(event.name, str(event.row)) for event in reader.events]
        assert len(told) == len(set(told))


def test_pages_do_not_grow_with_the_call(streams, database):
    """No more than a page of a call is in memory."""
    add_messages(database, 1000)
    pages = list(page_changes(streams._store, CALL, 0, 100))
    assert max(map(len, pages)) == 200
    assert len({change.key for page in pages for change in page if change.event == "message"}) == 1001


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


def test_who_is_cut_off_makes_room_though_its_client_does_not_read(servers, redis, database_url, write):
    """Its thread hangs in the server until the client goes away: some may hang, and then no more are opened."""
    write(conversation_update([welcome()], call_id=CALL))
    with running(servers.redis_url, database_url, console_streams=1) as streams:
        for _ in range(1 + streams_module.SPARE_STREAMS):
            stuck = streams.follow_call(CALL, None)
            stuck._mailbox.close("too_slow")
        with pytest.raises(TooManyStreams):
            streams.follow_call(CALL, None)
        stuck.close()
        streams.follow_call(CALL, None).close()
