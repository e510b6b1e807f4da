"""Figures: kept up with what stages store, whatever happens in between, and the same as if made at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.database import Database
from shared.errors import DatabaseUnavailable
from shared.event_records import StoredEvent
from shared.events import read_event
from shared.histograms import bounds_of
from shared.settings import Settings
from tests.calls import (
    CALL_ID,
    assistant,
    conversation_update,
    end_of_call_report,
    having,
    realistic_call,
    stages_of,
    status_update,
    user,
    welcome,
)
from tests.programs import program, wait_for
from tests.stage_runs import Job, Stages
from tests.strategies import deliveries, examples, hostile_calls
from workers import figures
from workers.figures import LOCK, MOST_CHARACTERS, FiguresKeeper, NotOurTurn
from workers.rebuilding import Rebuild, Selection
from workers.receipts import save_receipts
from workers.tasks import PROCESSES

SUMS = ("hourly_calls", "hourly_outcomes", "histograms")
ANOTHER_START = "2026-03-04T23:59:59.900Z"

Figures = dict[str, list[str]]


@pytest.fixture
def store(database_url: str) -> Iterator[Database]:
    """A connection that stages write through."""
    store = Database(database_url, 20)
    yield store
    store.close()


@pytest.fixture
def keeper(database_url: str) -> Iterator[FiguresKeeper]:
    """What keeps the figures of the test's database."""
    store = Database(database_url, 20)
    yield FiguresKeeper(store, Settings())
    store.close()


@contextmanager
def storing(store: Database, stage: str, events: Sequence[StoredEvent]) -> Iterator[psycopg.Connection]:
    """Take a batch through a stage, with receipts as workers leave them; committed when the block ends."""
    with store.transaction() as connection:
        written = PROCESSES[stage](connection, [read_event(event) for event in events])
        save_receipts(connection, stage, events, written)
        yield connection


def run_jobs(store: Database, jobs: Sequence[Job]) -> None:
    for stage, events in jobs:
        with storing(store, stage, events):
            pass


def send(store: Database, *events: StoredEvent) -> None:
    run_jobs(store, [(stage, [event]) for event in events for stage in stages_of(event)])


def keep_up(keeper: FiguresKeeper) -> None:
    while any(keeper.run_step()):
        pass


def figures_in(database: psycopg.Connection) -> Figures:
    """Read all figures, but for when they were made."""
    found = {
        table: column(database, f"select to_jsonb({table}) - 'refreshed_at' from {table}")
        for table in ("call_figures", *SUMS)
    }
    for row in found["histograms"]:
        row["counts"] = sorted(zip(row.pop("buckets"), row["counts"], strict=True))
    return {table: sorted(map(str, rows)) for table, rows in found.items()}


def forget(database: psycopg.Connection) -> None:
    """Forget all figures, and how far they had got."""
    tables = ("call_figures", "figures_progress", "stale_calls", "stale_hours", *SUMS)
    database.execute(f"truncate {', '.join(tables)}")


def made_at_once(database: psycopg.Connection, keeper: FiguresKeeper) -> Figures:
    """Make all figures anew from what is stored, and read them."""
    forget(database)
    keep_up(keeper)
    return figures_in(database)


def conversation(call_id: str = CALL_ID, **parts) -> StoredEvent:
    """An event of a call with two turns, one of them answered, and one interruption."""
    messages = [welcome(), user(1, text="Good day"), assistant(1, llm_ms=500), user(2, skipped=["I was"])]
    return conversation_update(messages, call_id=call_id, **parts)


def column(database: psycopg.Connection, query: str) -> list:
    return [value for (value,) in database.execute(query)]


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


class Crash(DatabaseUnavailable):
    """What takes the janitor down in these tests."""


class CrashingDatabase(Database):
    """A connection that is lost before a given statement, once."""

    statements_left = 10**9

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection]:
        with super().transaction() as connection:
            yield _Crashing(self, connection)  # type: ignore[misc]


class _Crashing:
    def __init__(self, owner: CrashingDatabase, connection: psycopg.Connection) -> None:
        self._owner, self._connection = owner, connection

    def execute(self, *arguments):
        self._owner.statements_left -= 1
        if self._owner.statements_left == 0:
            raise Crash("killed")
        return self._connection.execute(*arguments)


@pytest.mark.parametrize("statement", range(1, 14))
def test_a_crash_anywhere_loses_nothing(statement, store, database, database_url):
    """Before whichever statement the janitor dies, the next one ends with the same figures."""
    fragile = CrashingDatabase(database_url, 20)
    keeper = FiguresKeeper(fragile, Settings())
    send(store, conversation("one"))
    keep_up(keeper)
    send(store, conversation("two"), end_of_call_report(call_id="one", call={"startAt": ANOTHER_START}))
    fragile.statements_left = statement
    with pytest.raises(Crash):
        keep_up(keeper)
    keep_up(keeper)
    kept = figures_in(database)
    assert kept == made_at_once(database, keeper)
    assert len(kept["hourly_calls"]) == 2
    fragile.close()


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


@pytest.mark.parametrize("nested", [False, True])
def test_a_transaction_that_ends_late_is_not_missed(nested, store, keeper, database):
    """What was being stored during a look is found by a later one, though others have been seen that began after it."""
    keep_up(keeper)
    with store.transaction() as connection:
        if nested:
            connection.execute("savepoint inner_one")
        event = conversation("slow")
        save_receipts(connection, "transcripts", [event], PROCESSES["transcripts"](connection, [read_event(event)]))
        with psycopg.connect(database.info.dsn, autocommit=True) as another:
            another.execute("insert into receipts values ('c', 'e', 's', 't', now(), now(), 1)")
        keeper.run_step()
        assert column(database, "select call_id from call_figures") == []
    keep_up(keeper)
    assert column(database, "select call_id from call_figures") == ["slow"]


@pytest.mark.parametrize(
    "damage",
    [
        "delete from figures_progress",
        "update figures_progress set horizon = horizon + 1000000",
        "update figures_progress set seen_at = now() - interval '15 days'",
    ],
    ids=["started over by hand", "restored into another server", "away for longer than receipts are kept"],
)
def test_where_receipts_cannot_tell_all_calls_are_looked_at(damage, store, keeper, database):
    """Then every call is worked out again, and receipts are followed from there."""
    send(store, conversation())
    keep_up(keeper)
    database.execute("delete from receipts")
    database.execute("update messages set text = 'reworded' where role = 'user'")
    database.execute(damage)
    keep_up(keeper)
    assert column(database, "select words @@ 'reworded'::tsquery from call_figures") == [True]
    assert column(database, "select seen_at > now() - interval '1 minute' from figures_progress") == [True]


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


def test_of_two_janitors_one_works(store, keeper, database):
    """While another one holds the lock nothing is done, and afterwards everything."""
    send(store, conversation())
    with database.transaction():
        database.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        for work in (keeper.run_step, keeper.mark_changed_calls, keeper.refresh_calls, keeper.sum_hours):
            with pytest.raises(NotOurTurn):
                work()
    assert column(database, "select count(*) from stale_calls") == [0]
    assert keeper.run_step() == (1, 1)


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [
        ("call", "call_figures add check (call_id <> 'bad')"),
        ("hour", "hourly_calls add check (hour <> '2026-03-05 09:00+00')"),
    ],
)
def test_what_cannot_be_worked_out_holds_nobody_up(kind, refusal, store, keeper, database, caplog):
    """A call or an hour that PostgreSQL refuses is left out and named in the log; the others come as ever."""
    database.execute(f"alter table {refusal}")
    send(store, conversation("good", call={"startAt": ANOTHER_START}), conversation("bad"))
    keep_up(keeper)
    assert column(database, "select extract(day from hour)::int from hourly_calls") == [4]
    skipped = [record.fields["kind"] for record in caplog.records if record.getMessage() == "figures.skipped"]
    assert skipped == [kind]


@pytest.mark.parametrize("word", ["\U0001f600", "aa-aa ", "aaa-aaa-aaa ", "aa@aa.aa ", "aa.aa/aa?aa "])
def test_no_text_is_too_much_for_the_words_of_a_call(word, keeper, database):
    """The longest text of the most wasteful words, in letters of four bytes, is kept as far as it fits."""
    random, letters = Random(1), [chr(0x20000 + number) for number in range(2000)]
    words = ("".join(random.choice(letters) if one == "a" else one for one in word) for _ in range(MOST_CHARACTERS))
    database.execute("insert into calls (call_id, summary) values ('c', %s)", ("".join(words),))
    keep_up(keeper)
    assert column(database, "select call_id from call_figures") == ["c"]


def test_much_is_done_in_pieces(store, keeper, database, monkeypatch):
    """With more calls marked than a step takes, sums are made of those that are done, and in the end of all."""
    monkeypatch.setattr(figures, "CALLS_AT_ONCE", 2)
    send(store, *(conversation(f"call-{number}") for number in range(5)))
    assert [keeper.run_step() for _ in range(4)] == [(2, 1), (2, 1), (1, 1), (0, 0)]
    assert column(database, "select calls from hourly_calls") == [5]


def test_the_janitor_keeps_them(store, database, settings_of_programs, tmp_path):
    """`earshot janitor` has the figures of a call soon after a stage has stored it, and ends at once all the same."""
    settings = {**settings_of_programs, "RECOVERY_SECONDS": "5"}
    with program("janitor", settings=settings, log=tmp_path / "log") as janitor:
        wait_for(lambda: column(database, "select 1 from figures_progress"))
        send(store, conversation())
        wait_for(lambda: column(database, "select calls from hourly_calls") == [1])
        janitor.terminate()
        assert janitor.wait(timeout=3) == 0
    assert "figures.refreshed calls=1 hours=1" in (tmp_path / "log").read_text()


def test_the_janitor_ends_in_the_middle_of_a_step(store, keeper, database, settings_of_programs, tmp_path):
    """Though its step waits for a lock, SIGTERM ends it at once with status 0; what it had begun the next one does."""
    send(store, conversation())
    with (
        program("janitor", settings=settings_of_programs, log=tmp_path / "log") as janitor,
        database.transaction(),
    ):
        database.execute("lock table call_figures")
        wait_for(lambda: column(database, "select 1 from pg_locks where not granted"))
        janitor.terminate()
        assert janitor.wait(timeout=3) == 0
    wait_for(lambda: not column(database, "select 1 from pg_locks where locktype = 'advisory'"))
    assert column(database, "select call_id from call_figures") == []
    keep_up(keeper)
    assert column(database, "select call_id from call_figures") == [CALL_ID]
