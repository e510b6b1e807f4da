"""Bringing a database up to date: at once, twice, or not at all."""

from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier

import psycopg
import pytest

from shared import migrations
from shared.database import Database
from shared.errors import DatabaseUnavailable
from shared.fields import KEPT_OF_LONG_KEY, LONGEST_KEY
from shared.migrations import MigrationError, all_migrations, migrate
from workers.follower import Follower


def _applied(database_url: str) -> list[str]:
    with psycopg.connect(database_url) as connection:
        return [name for (name,) in connection.execute("select name from migrations order by name")]


def _tables(database_url: str) -> set[str]:
    with psycopg.connect(database_url) as connection:
        return {name for (name,) in connection.execute("select tablename from pg_tables where schemaname = 'public'")}


def test_empty_database(empty_database_url: str):
    """An empty database gets every migration, in order, and each is written down."""
    assert migrate(empty_database_url) == list(all_migrations())
    assert _applied(empty_database_url) == list(all_migrations())


def test_again(empty_database_url: str):
    """A database that is up to date is left as it is."""
    migrate(empty_database_url)
    assert migrate(empty_database_url) == []


def test_two_at_once(empty_database_url: str):
    """Of two that start at once on an empty database both succeed, and each migration is applied by one of them."""
    together = Barrier(2)

    def run(_: int) -> list[str]:
        together.wait()
        return migrate(empty_database_url)

    with ThreadPoolExecutor(2) as workers:
        first, second = workers.map(run, range(2))
    assert sorted([*first, *second]) == list(all_migrations())


def test_only_what_is_missing(empty_database_url: str, monkeypatch: pytest.MonkeyPatch):
    """A database of an earlier version gets the later migrations alone."""
    names = list(all_migrations())
    earlier = {name: all_migrations()[name] for name in names[:-1]}
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "all_migrations", lambda: earlier)
        assert migrate(empty_database_url) == names[:-1]
    assert migrate(empty_database_url) == names[-1:]


def test_ids_of_any_length(empty_database_url: str, monkeypatch: pytest.MonkeyPatch):
    """Ids that were stored before they were cut are made to fit into the indexes, and stay apart."""
    earlier = {name: text for name, text in all_migrations().items() if name < "0011"}
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "all_migrations", lambda: earlier)
        migrate(empty_database_url)
    long_id, short_id = random_text(12_000), random_text(LONGEST_KEY)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        rows = [("a", long_id, short_id), ("b", short_id, long_id), ("c", long_id + "x", None)]
        for row in rows:
            connection.execute("insert into calls (call_id, team_id, assistant_id) values (%s, %s, %s)", row)
        migrate(empty_database_url)
        ids = connection.execute("select team_id, assistant_id from calls order by call_id").fetchall()
    (cut, *_), (_, cut_too), (another, _) = ids
    assert (ids[0][1], ids[1][0], ids[2][1]) == (short_id, short_id, None)
    assert cut == cut_too != another
    assert long_id.startswith(cut[:KEPT_OF_LONG_KEY])
    assert max(len(cut), len(another)) <= LONGEST_KEY


def test_what_figures_followed_is_followed_on(empty_database_url: str, monkeypatch: pytest.MonkeyPatch):
    """Figures go on from where they were, with their marks; alerts follow what is stored from then on."""
    earlier = {name: text for name, text in all_migrations().items() if name < "0014"}
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "all_migrations", lambda: earlier)
        migrate(empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        for row in ROWS_OF_BEFORE:
            connection.execute(row)
        progress = connection.execute("select * from figures_progress").fetchall()
        marks = connection.execute("select call_id, marked_at from stale_calls").fetchall()
        migrate(empty_database_url)
        followed = connection.execute("select * from followers where follower = 'figures'").fetchall()
        assert [row[1:] for row in followed] == [tuple(row[-5:]) for row in progress]
        kept = connection.execute("select call_id, marked_at, follower from stale_calls").fetchall()
        assert kept == [(*mark, "figures") for mark in marks]
        assert connection.execute("select kind, message_id from incidents").fetchall() == [("hang", None)]
        receipt = "insert into receipts values (%s, 'e', 'lifecycle', 't', now(), now(), 1)"
        connection.execute(receipt, ["new"])
    assert marked_for_alerts(empty_database_url) == ["new"]


ROWS_OF_BEFORE = (
    "insert into figures_progress (horizon, seen_at, open_since, next_number, next_at)"
    " values (5, now(), now() - interval '1 hour', 7, now())",
    "insert into stale_calls (call_id) values ('marked')",
    "insert into incidents (incident_id, call_id, kind) values ('i', 'marked', 'hang')",
    "insert into receipts values ('old', 'e', 'lifecycle', 't', now(), now(), 1)",
)


def marked_for_alerts(url: str) -> list[str]:
    """Follow for alerts, and take what is marked."""
    database, follower = Database(url, 20), Follower("alerts", 14)
    with database.transaction() as connection:
        assert follower.mark_changed(connection)
        marks = follower.take(connection, 10)
    database.close()
    return [mark["key"] for mark in marks]


def random_text(length: int) -> str:
    """Make up a text that cannot be compressed, of letters of four bytes."""
    random = Random(length)
    return "".join(chr(random.randrange(0x20000, 0x2A000)) for _ in range(length))


def test_failing_migration(empty_database_url: str, monkeypatch: pytest.MonkeyPatch):
    """When one fails, none of that run is applied; the error says why, and a later run can do all."""
    broken = {**all_migrations(), "9999_broken": "create table half (n integer); select no_such_column from calls"}
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "all_migrations", lambda: broken)
        with pytest.raises(MigrationError, match=r"rolled back.*no_such_column"):
            migrate(empty_database_url)
    assert _tables(empty_database_url) == set()
    assert migrate(empty_database_url) == list(all_migrations())


def test_unreachable_server():
    """Without a server the error is that of an outage, so that the caller tries again."""
    with pytest.raises(DatabaseUnavailable):
        migrate("postgresql://nobody@/none?host=/nonexistent")
