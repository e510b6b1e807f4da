"""Figures: kept up with what stages store, and the same as if made at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.database import Database
from shared.histograms import bounds_of
from shared.settings import Settings
from tests.calls import (
    assistant,
    conversation_update,
    end_of_call_report,
    having,
    realistic_call,
    status_update,
    user,
)
from tests.figures import ANOTHER_START, column, conversation, figures_in, keep_up, made_at_once, run_jobs, send
from tests.stage_runs import Job, Stages
from tests.strategies import deliveries, examples, hostile_calls
from workers import figures
from workers.figures import FiguresKeeper
from workers.rebuilding import Rebuild, Selection


def test_figures_of_a_call(store, keeper, database):
    """A step after stages have stored a call its figures are there, and there is nothing left to do."""
    send(store, conversation(), end_of_call_report(call={"assistantId": "A"}))
    assert keeper.run_step() == (1, 1)
    assert keeper.run_step() == (0, 0)
    row = database.execute(
        "select to_char(hour at time zone 'UTC', 'MM-DD HH24:MI'), assistant_id, llm_model, turns, turns_measured,"
        " slowest_turn_ms, assistant_messages, interruptions from call_figures"
    ).fetchone()
    latency = 1001 + 3 + 500 + 2 + 353
    assert row == ("03-05 09:00", "A", "gemini-3-flash-preview", 2, 1, latency, 2, 1)
    found = "select words @@ websearch_to_tsquery('simple', %s) from call_figures"
    for words, is_found in {"good day": True, '"visit was booked"': True, "good -day": False}.items():
        assert database.execute(found, (words,)).fetchone() == (is_found,)


def test_sums_of_an_hour(store, keeper, database):
    """Two calls of an hour are summed up, by assistant and model, with how they came out."""
    send(store, conversation("one"), end_of_call_report(call_id="one"))
    send(store, conversation("two"), status_update("failed", call_id="two"))
    keep_up(keeper)
    row = database.execute(
        "select calls, ended, failed, interrupted_calls, interruptions, assistant_messages, turns, turns_measured,"
        " duration_ms, total_cost from hourly_calls"
    ).fetchall()
    assert row == [(2, 2, 1, 2, 2, 4, 4, 2, 240_000, 0.31)]
    outcomes = database.execute("select value, calls from hourly_outcomes where kind = 'status' order by value")
    assert outcomes.fetchall() == [("failed", 1), ("finished", 1)]


def test_values_are_in_the_buckets_that_say_so(store, keeper, database):
    """Every latency of the view is counted once, in the bucket between whose bounds it lies, hour and day alike."""
    for number in range(8):
        send(store, *realistic_call(Random(number), messages=12, call_id=f"call-{number}"))
    database.execute(
        "update message_metrics set eou_queue_latency_ms = (array[-1e9, -3.5, -1, -0.25, 0, 0.25, 1, 1.05, 9e99])"
        "[1 + stt_timestamp_ms / 10000 % 9] where role = 'user'"
    )
    keep_up(keeper)
    for part in ("turn_latency_ms", "eou_queue_ms", "remainder_ms"):
        values = column(database, f"select {part} from turns where {part} is not null")
        assert len(values) > 20
        for grain in ("hour", "day"):
            told = database.execute(
                "select unnest(buckets), unnest(counts) from histograms"
                " where measure = %s and breakdown = 'none' and grain = %s",
                (part, grain),
            ).fetchall()
            assert dict(told) == {bucket: sum(is_in(value, bucket) for value in values) for bucket, _ in told}
            assert sum(count for _, count in told) == len(values)


def is_in(value: float, bucket: int) -> bool:
    """Tell whether a bucket holds a value, by its bounds."""
    lower, upper = bounds_of(abs(bucket))
    return value == 0 if bucket == 0 else value * bucket > 0 and lower <= abs(value) < upper


@pytest.mark.parametrize("cached", [True, False])
def test_speech_from_a_cache_is_told_apart(cached, store, keeper, database):
    """What came from a cache is no measure of making speech."""
    reply = having(assistant(1), "metrics", "tts", "isCachePlaying", value=cached)
    send(store, conversation_update([user(1), reply]))
    keep_up(keeper)
    measures = column(database, "select distinct measure from histograms where measure like 'tts%' order by 1")
    assert measures == ["tts_cached_ms" if cached else "tts_ms", "tts_queue_ms"]


@st.composite
def interleavings(draw: st.DrawFn) -> list[Job | None]:
    """Draw how stages take the events of some calls, hostile and real ones, and where figures are kept in between."""
    events = draw(hostile_calls(max_events=5, calls=2))
    events += realistic_call(Random(draw(st.integers(0, 99))), messages=draw(st.integers(2, 8)), call_id="call-3")
    jobs: list[Job | None] = list(draw(deliveries(events)))
    for place in draw(st.lists(st.integers(0, len(jobs)), max_size=4)):
        jobs.insert(place, None)
    return jobs


@given(interleavings())
@examples(25)
def test_kept_in_any_order_they_equal_those_made_at_once(servers, jobs):
    """Wherever in the deliveries figures are brought up to date, they end as if made of the whole at the end."""
    with _database_of_example(servers) as (store, keeper, database):
        for job in jobs:
            if job is None:
                keeper.run_step()
            else:
                run_jobs(store, [job])
        keep_up(keeper)
        kept = figures_in(database)
        assert kept == made_at_once(database, keeper)
        assert len(kept["call_figures"]) == len(column(database, "select call_id from calls"))


@contextmanager
def _database_of_example(servers) -> Iterator[tuple[Database, FiguresKeeper, psycopg.Connection]]:
    url = servers.create_database("example", "earshot_template")
    stores = [Database(url, 20), Database(url, 20)]
    try:
        with psycopg.connect(url, autocommit=True) as database:
            yield stores[0], FiguresKeeper(stores[1], Settings()), database
    finally:
        for store in stores:
            store.close()
        servers.drop_database("example")


def test_an_event_that_comes_again_counts_once(store, keeper, database):
    """Told twice, in two rounds, a call is one call and its turns are two."""
    for _ in range(2):
        send(store, conversation())
        keep_up(keeper)
    assert database.execute("select calls, turns from hourly_calls").fetchall() == [(1, 2)]


def test_a_call_that_turns_out_to_have_begun_elsewhere_moves(store, keeper, database):
    """Where the hour and the assistant of a call change, nothing of it stays under the old ones."""
    send(store, conversation(call={"startAt": None, "assistantId": "A"}))
    keep_up(keeper)
    before = column(database, "select hour from hourly_calls")
    send(store, status_update("finished", startAt=ANOTHER_START, assistantId="B"))
    keep_up(keeper)
    assert database.execute("select assistant_id, calls from hourly_calls").fetchall() == [("B", 1)]
    assert before != column(database, "select hour from hourly_calls")
    days = column(database, "select distinct starts_at from histograms where grain = 'day'")
    assert [f"{day:%d}" for day in days] == ["04"]


def test_a_late_event_corrects_an_old_hour(store, keeper, database):
    """What comes late for a call of long ago changes the hour in which the call began, and no other."""
    send(store, conversation("old", call={"startAt": ANOTHER_START}), conversation("new"))
    keep_up(keeper)
    send(store, end_of_call_report(call_id="old", call={"startAt": ANOTHER_START, "cost": {"totalCost": 5}}))
    keep_up(keeper)
    assert column(database, "select total_cost from hourly_calls order by hour") == [5, 0]


def test_a_call_can_be_marked_by_hand(store, keeper, database):
    """A change that no stage made is taken in once the call is marked, and a call that was deleted is forgotten."""
    send(store, conversation("one"), conversation("two"))
    keep_up(keeper)
    database.execute("update messages set role = 'tool' where call_id = 'one' and role = 'assistant'")
    database.execute("delete from calls where call_id = 'two'")
    keep_up(keeper)
    assert column(database, "select assistant_messages from hourly_calls") == [4]
    database.execute("insert into stale_calls values ('one'), ('two'), ('never seen')")
    keep_up(keeper)
    assert database.execute("select calls, assistant_messages from hourly_calls").fetchall() == [(1, 0)]
    assert column(database, "select call_id from call_figures") == ["one"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_rebuild_has_its_calls_worked_out_again(dry_run, database_url, store, keeper, database):
    """What a rebuild writes leaves no receipt and is taken in all the same; a dry run changes nothing."""
    with Stages(database_url) as stages:
        stages.send(conversation())
    keep_up(keeper)
    database.execute("update messages set text = 'damaged', fingerprint = 0 where message_id = 'user-1'")
    rebuild = Rebuild(database_url, 20, Selection("transcripts"), dry_run=dry_run)
    assert sum(outcome.calls for outcome in rebuild.run()) == 1
    rebuild.close()
    assert column(database, "select count(*) from stale_calls") == [0 if dry_run else 1]
    keep_up(keeper)
    assert column(database, "select words @@ 'damaged'::tsquery from call_figures") == [False]


def test_much_is_done_in_pieces(store, keeper, database, monkeypatch):
    """With more calls marked than a step takes, sums are made of those that are done, and in the end of all."""
    monkeypatch.setattr(figures, "CALLS_AT_ONCE", 2)
    send(store, *(conversation(f"call-{number}") for number in range(5)))
    assert [keeper.run_step() for _ in range(4)] == [(2, 1), (2, 1), (1, 1), (0, 0)]
    assert column(database, "select calls from hourly_calls") == [5]
