"""Figures are kept whatever happens: crashes, late transactions, two janitors, and what PostgreSQL refuses."""

from random import Random

import psycopg
import pytest

from shared.events import read_event
from shared.settings import Settings
from tests.calls import CALL_ID, end_of_call_report
from tests.crashes import Crash, CrashingDatabase
from tests.figures import ANOTHER_START, column, conversation, figures_in, keep_up, made_at_once, send, storing
from tests.programs import program, wait_for
from workers import figures
from workers.figures import LOCK, MOST_CHARACTERS, FiguresKeeper, NotOurTurn, mark_calls
from workers.receipts import save_receipts
from workers.tasks import PROCESSES


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


def test_a_transaction_of_hours_is_not_missed(store, keeper, database):
    """What began long before it was committed is found by its number, though looks went on meanwhile."""
    keep_up(keeper)
    ages = ", ".join(f"{name} = {name} - interval '3 hours'" for name in ("seen_at", "open_since", "next_at"))
    with psycopg.connect(database.info.dsn) as shorter:
        shorter.execute("select pg_current_xact_id()")
        with storing(store, "transcripts", [conversation("slow")]) as connection:
            connection.execute("update receipts set stored_at = now() - interval '2 hours'")
            database.execute(f"update followers set {ages} where follower = 'figures'")
            keeper.run_step()
            shorter.rollback()
            for _ in range(3):
                keeper.run_step()
    keep_up(keeper)
    assert column(database, "select call_id from call_figures") == ["slow"]


def test_what_is_looked_through_moves_on(store, keeper, database):
    """Once all that was open has ended, receipts of long ago are not looked through any more."""
    keep_up(keeper)
    database.execute("update followers set open_since = 'epoch' where follower = 'figures'")
    for number in range(3):
        send(store, conversation(f"call-{number}"))
        keeper.run_step()
    assert column(
        database, "select now() - open_since < interval '1 minute' from followers where follower = 'figures'"
    ) == [True]


def test_a_mark_that_is_made_beside_a_change_is_not_taken_before_it(store, keeper, database):
    """Though the call is marked already, it stays so until the change is committed, and is worked out anew then."""
    send(store, conversation("one"), conversation("two"))
    keep_up(keeper)
    database.execute("insert into stale_calls (call_id) values ('one'), ('two')")
    with store.transaction() as connection:
        connection.execute("update messages set role = 'tool' where role = 'assistant'")
        mark_calls(connection, ["two", "one"])
        assert keeper.run_step() == (0, 0)
    assert keeper.run_step() == (2, 1)
    assert column(database, "select assistant_messages from hourly_calls") == [0]


def test_what_changes_now_does_not_wait_behind_many(store, keeper, database, monkeypatch):
    """Of calls that are all marked at once one that changes is among the next, and half of them go on."""
    monkeypatch.setattr(figures, "CALLS_AT_ONCE", 2)
    send(store, *(conversation(f"call-{number}") for number in range(6)))
    keep_up(keeper)
    with store.transaction() as connection:
        mark_calls(connection, [f"call-{number}" for number in range(6)])
    send(store, conversation("call-5"))
    keeper.run_step()
    assert set(column(database, "select call_id from stale_calls")) == {f"call-{number}" for number in range(1, 5)}
    assert keeper.run_step()[0] == 2


@pytest.mark.parametrize("table", ["stale_calls (call_id", "stale_hours (hour"])
def test_it_knows_how_late_it_is(table, keeper, database):
    """The oldest mark tells it, or the last look; where nothing was looked at yet nothing is late."""
    assert keeper.read_delay() == 0
    keeper.run_step()
    assert 0 <= keeper.read_delay() < 60
    database.execute(f"insert into {table}, marked_at) values ('2026-03-05', now() - interval '1 hour')")
    assert keeper.read_delay() == pytest.approx(3600, abs=60)


@pytest.mark.parametrize(
    "damage",
    [
        "delete from followers where follower = 'figures'",
        "update followers set horizon = horizon + 1000000 where follower = 'figures'",
        "update followers set seen_at = now() - interval '15 days' where follower = 'figures'",
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
    assert column(
        database, "select seen_at > now() - interval '1 minute' from followers where follower = 'figures'"
    ) == [True]


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


def test_the_janitor_keeps_them(store, database, settings_of_programs, tmp_path):
    """`earshot janitor` has the figures of a call soon after a stage has stored it, and ends at once all the same."""
    settings = {**settings_of_programs, "RECOVERY_SECONDS": "5", "LOG_LEVEL": "DEBUG"}
    with program("janitor", settings=settings, log=tmp_path / "log") as janitor:
        wait_for(lambda: column(database, "select 1 from followers where follower = 'figures'"))
        send(store, conversation())
        wait_for(lambda: column(database, "select calls from hourly_calls") == [1])
        janitor.terminate()
        assert janitor.wait(timeout=3) == 0
    lines = (tmp_path / "log").read_text().splitlines()
    told = [line for line in lines if "figures.refreshed" in line]
    assert [sum(f" {what}=1 " in line for line in told) for what in ("calls", "hours")] == [1, 1]


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
