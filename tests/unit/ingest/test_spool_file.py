"""The spool's file: what it keeps, what it refuses, and what becomes of a file that cannot be read."""

import re
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from earshot.children import wait_until
from ingest.spool import ROW_BYTES, Depth, Spool, _row_of, peek, read_event
from ingest.spool_file import NAME, SpoolUnavailable
from shared.errors import BadEvent
from shared.publisher import IncomingEvent

MAX_BYTES = 1024 * 1024
RESCUE = Path(__file__).parents[3] / "docs/how-to/rescue-spooled-events.md"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the spool lies; made by the spool."""
    return tmp_path / "data" / "spool"


@pytest.fixture
def spool(directory: Path) -> Spool:
    """A spool that is not open yet."""
    return Spool(directory, MAX_BYTES)


def event(name: object = 1, body: bytes = b"{}", **parts: str) -> IncomingEvent:
    """Build an event on its way in."""
    return IncomingEvent(f"event-{name}", 1_772_702_480_300, ("metrics", "transcripts"), body, **parts)


def ids(spool: Spool) -> list[str]:
    return [spooled.event_id for spooled in spool.oldest()]


def end(spool: Spool) -> None:
    """End the process that has it open, as far as the file can tell."""
    spool._file._close()


def change(directory: Path, statement: str) -> None:
    """Change the file behind the spool's back, after the process that had it open has ended."""
    connection = sqlite3.connect(directory / NAME)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_what_comes_out_is_what_went_in(spool):
    """All of an event is kept, whatever characters the sender chose for its ids."""
    kept = event(body=b"\x00\xff" * 999, event_type="speech", call_id="WC-\0\n", reason="unknown_type")
    spool.add(kept)
    assert [kept] == [read_event(spooled) for spooled in spool.oldest()]


def test_events_come_out_in_the_order_of_arrival(spool):
    """Whatever their ids; what was removed comes no more."""
    for number in (3, 1, 2):
        spool.add(event(number))
    assert ids(spool) == ["event-3", "event-1", "event-2"]
    spool.remove(spool.oldest()[:1])
    assert ids(spool) == ["event-1", "event-2"]


def test_the_same_event_twice_is_one(spool):
    """A second delivery takes no room and has no second place in the order."""
    for name in (1, 2, 1):
        spool.add(event(name))
    assert ids(spool) == ["event-1", "event-2"]
    assert spool.depth().events == 2


def test_what_was_postponed_comes_after_the_others(spool):
    """One that cannot be published does not block those behind it."""
    for name in (1, 2, 3):
        spool.add(event(name))
    spool.postpone(spool.oldest()[0])
    assert ids(spool) == ["event-2", "event-3", "event-1"]


def test_a_new_process_finds_what_an_earlier_one_left(spool, directory):
    """Nothing is in memory only."""
    spool.add(event())
    end(spool)
    assert ids(Spool(directory, MAX_BYTES)) == ["event-1"]


def test_only_the_owner_can_read_it(spool, directory):
    """Bodies are personal data: 0600 in a 0700 directory, SQLite's own files included."""
    spool.add(event())
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


def test_a_full_spool_refuses_what_it_has_no_room_for(spool):
    """What is in it already is accepted again; and there is room when something was published."""
    half = MAX_BYTES // 2
    spool.add(event(1, incompressible(half)))
    with pytest.raises(SpoolUnavailable, match="full"):
        spool.add(event(2, incompressible(half)))
    spool.add(event(1, incompressible(half)))
    spool.add(event(3))
    spool.remove(spool.oldest()[:1])
    spool.add(event(2, incompressible(half)))
    assert ids(spool) == ["event-3", "event-2"]


def test_events_that_are_written_together_share_what_room_there_is(spool):
    """Each finds what those before it have taken."""
    rows = [_row_of(event(number, incompressible(MAX_BYTES // 2))) for number in range(2)]
    assert spool._file.run(lambda connection: spool._write(connection, rows)) == ["", "full"]


def incompressible(size: int) -> bytes:
    return b"".join(hash(str(number)).to_bytes(8, "big", signed=True) for number in range(size // 8))


def test_depth_tells_how_much_waits_and_since_when(spool, monkeypatch):
    """In events, bytes and seconds, without counting rows."""
    monkeypatch.setattr("time.time", lambda: 1_772_702_490.3)
    assert spool.depth() == Depth(0, 0, 0.0, 0)
    spool.add(event(1))
    size = spool.depth().bytes
    assert size > ROW_BYTES
    spool.add(event(2))
    assert spool.depth() == Depth(2, 2 * size, pytest.approx(10.0), 0)
    spool.remove(spool.oldest())
    assert spool.depth() == Depth(0, 0, 0.0, 0)


def test_others_can_look_into_it(spool, directory):
    """Before there is one, while the ingest has it open, and when that has ended."""
    assert peek(directory) is None
    spool.add(event())
    assert peek(directory).events == 1
    end(spool)
    assert peek(directory).events == 1


def test_a_spool_that_was_not_finished_is_made_anew(spool, directory):
    """A process that was killed while it made the file leaves nothing that another one stumbles over."""
    directory.mkdir(parents=True)
    for part in ("", "-wal", "-shm"):
        (directory / f"{NAME}.new{part}").write_bytes(b"x" * 5000)
    spool.add(event())
    assert ids(spool) == ["event-1"]


@pytest.mark.parametrize("statement", ["pragma user_version = 99", "create table foreign_table (a)"])
def test_a_file_that_is_no_spool_is_set_aside(spool, directory, lines, statement):
    """Of another version, or somebody else's: it is kept, a person is told, and events are taken."""
    directory.mkdir(parents=True)
    change(directory, statement)
    spool.add(event())
    assert ids(spool) == ["event-1"]
    assert len(list(directory.glob(f"{NAME}.corrupt-*"))) == 1
    assert [(line["name"], line["level"], line["reason"]) for line in lines()] == [
        ("spool.corrupt", "ERROR", "NO_SPOOL")
    ]


def test_threads_that_wait_are_written_together(spool, monkeypatch):
    """Nine events that come while one is being written share the next sync of the disk."""
    run, syncs = spool._file.run, []
    nine_wait = lambda: len(spool._waiting) == 9  # noqa: E731

    def slow_run(work):
        syncs.append(work)
        assert len(syncs) > 1 or wait_until(nine_wait, 10)
        return run(work)

    monkeypatch.setattr(spool._file, "run", slow_run)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(spool.add, map(event, range(10))))
    assert len(syncs) == 2
    monkeypatch.undo()
    assert {f"event-{number}" for number in range(10)} == set(ids(spool))


def test_threads_that_are_written_together_fail_together(spool, monkeypatch):
    """When the sync fails nobody is told that his event is kept."""
    refused = []

    def fail(_work):
        wait_until(lambda: len(spool._waiting) == 3 or bool(refused), 10)
        raise SpoolUnavailable("EIO")

    def add(number):
        with pytest.raises(SpoolUnavailable, match="EIO"):
            spool.add(event(number))
        refused.append(number)

    monkeypatch.setattr(spool._file, "run", fail)
    threads = [threading.Thread(target=add, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(refused) == [0, 1, 2, 3]


@pytest.mark.parametrize("damage", ["all of it", "the first page", "cut off"])
def test_a_corrupt_file_is_set_aside(spool, directory, lines, damage):
    """It is renamed and kept, a person is told, and a new file takes the event."""
    for number in range(50):
        spool.add(event(number, incompressible(4000)))
    end(spool)
    path = directory / NAME
    whole = path.read_bytes()
    damaged = {"all of it": b"x" * len(whole), "the first page": b"x" * 4096 + whole[4096:], "cut off": whole[:9000]}
    path.write_bytes(damaged[damage])

    fresh = Spool(directory, MAX_BYTES)
    fresh.add(event("new"))
    assert ids(fresh) == ["event-new"]
    (aside,) = directory.glob(f"{NAME}.corrupt-*")
    assert aside.read_bytes() == damaged[damage]
    assert [(line["name"], line["level"], line["file"]) for line in lines()] == [("spool.corrupt", "ERROR", aside.name)]


def test_what_sqlite_had_not_yet_moved_into_a_corrupt_file_goes_aside_with_it(spool, directory):
    """While another process has the file open, the newest events are in its log only: they are needed for a rescue."""
    spool.add(event(1))
    spool._file._connection.execute("pragma wal_checkpoint(truncate)")
    spool.add(event(2))
    newest = (directory / f"{NAME}-wal").read_bytes()
    with (directory / NAME).open("r+b") as file:
        file.write(b"x" * 4096)
    Spool(directory, MAX_BYTES).add(event("new"))
    (aside,) = directory.glob(f"{NAME}.corrupt-*-wal")
    assert aside.read_bytes() == newest
    assert ids(spool) == ["event-new"]


def test_the_log_of_a_file_that_was_taken_away_does_not_get_into_the_new_one(spool, directory):
    """It belongs to other pages; it is kept beside."""
    for number in range(50):
        spool.add(event(number))
    (directory / NAME).unlink()
    fresh = Spool(directory, MAX_BYTES)
    fresh.add(event("new"))
    assert ids(fresh) == ["event-new"]
    assert len(list(directory.glob(f"{NAME}.corrupt-*-wal"))) == 1


def test_a_file_that_another_process_set_aside_is_left(spool, directory):
    """Who has the old file open writes into the new one, where it will be found."""
    spool.add(event("old"))
    for path in list(directory.glob(f"{NAME}*")):
        path.rename(path.with_name(path.name.replace(NAME, "aside")))
    spool.add(event("new"))
    assert ids(Spool(directory, MAX_BYTES)) == ["event-new"]
    assert "aside-wal" in {path.name for path in directory.iterdir()}


def test_what_was_published_is_not_mistaken_for_another_event(spool, directory):
    """After an exchange of the file its numbers begin anew; removing an old one harms no new one."""
    spool.add(event("old"))
    published = spool.oldest()
    for path in list(directory.glob(f"{NAME}*")):
        path.rename(path.with_name(path.name.replace(NAME, "aside")))
    spool.add(event("new"))
    spool.remove(published)
    assert ids(spool) == ["event-new"]


def test_a_place_that_cannot_be_written_refuses(tmp_path):
    """With the reason in one word, and without a path; nothing was promised."""
    (tmp_path / "file").touch()
    with pytest.raises(SpoolUnavailable, match=r"^ENOTDIR$"):
        Spool(tmp_path / "file" / "spool", MAX_BYTES).add(event())


def test_a_full_disk_refuses_and_harms_nothing(spool, monkeypatch):
    """What was kept before stays, and what fits later is kept."""
    monkeypatch.setattr("ingest.spool_file._SETTINGS", ("journal_mode = wal", "max_page_count = 20"))
    spool.add(event("before"))
    with pytest.raises(SpoolUnavailable, match="SQLITE_FULL"):
        spool.add(event("large", incompressible(200_000)))
    spool.add(event("after"))
    assert ids(spool) == ["event-before", "event-after"]


def test_space_is_given_back(spool, directory):
    """After everything was published the file is small again, and holds nothing of the bodies."""
    for number in range(20):
        spool.add(event(number, incompressible(20_000)))
    spool.remove(spool.oldest())
    spool.shrink()
    assert sum(path.stat().st_size for path in directory.iterdir()) < 200_000


@pytest.mark.parametrize(
    "damage", ["body = x'00'", "body = 'text'", "stages = 'unknown'", "stages = ''", "stages = cast(x'ff' as text)"]
)
def test_a_damaged_row_is_told_and_does_not_hide_the_others(spool, directory, damage):
    """Whatever is wrong with it, the others are read; and it can be put aside, where it stays."""
    spool.add(event(1))
    spool.add(event(2))
    end(spool)
    change(directory, f"update events set {damage} where event_id = 'event-1'")
    spool = Spool(directory, MAX_BYTES)
    bad, good = spool.oldest()
    assert read_event(good) == event(2)
    with pytest.raises((BadEvent, TypeError)):
        read_event(bad)
    spool.set_aside(bad)
    assert ids(spool) == ["event-2"]
    assert (spool.depth().events, spool.depth().unreadable) == (1, 1)


def test_what_was_set_aside_can_be_put_back(spool, directory):
    """By the very statements of the how-to; it is counted again, and comes last."""
    for number in range(3):
        spool.add(event(number))
    size = spool.depth().bytes
    spool.set_aside(spool.oldest()[0])
    put_back(directory, statements()[0])
    assert ids(spool) == ["event-1", "event-2", "event-0"]
    assert (spool.depth().bytes, spool.depth().unreadable) == (size, 0)


def test_what_was_rescued_can_be_put_back(spool, directory, monkeypatch):
    """By the very statements of the how-to, from another file; what is here already is not doubled."""
    rescued = Spool(directory.parent / "copy", MAX_BYTES)
    rescued.add(event(1))
    rescued.add(event(2))
    end(rescued)
    (directory.parent / "copy" / NAME).rename(directory.parent / "copy" / "rescued.db")
    monkeypatch.chdir(directory.parent / "copy")
    spool.add(event(1))
    put_back(directory, statements()[1])
    assert ids(spool) == ["event-1", "event-2"]


def statements() -> list[str]:
    return re.findall(r'spool\.db" "(.*?)"', RESCUE.read_text(), re.DOTALL)


def put_back(directory: Path, text: str) -> None:
    connection = sqlite3.connect(directory / NAME)
    connection.executescript(text)
    connection.close()
