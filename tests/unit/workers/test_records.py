"""Merging is lawful, so the order of events does not matter."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import examples
from workers.records import Cell, Version, cells_of, merged, part, restored, stored

versions = st.builds(Version, *(st.integers(0, 2) for _ in Version._fields))
values = st.sampled_from(["a", "b", "", 1, 1.5, True, {"k": 1}, [None]])
cells = st.builds(Cell, values, versions)
records = st.dictionaries(st.sampled_from(["text", "role", "extra"]), cells, max_size=3)


@given(left=records, right=records)
@examples(200)
def test_merging_is_commutative(left, right):
    """Which of two records is told first does not matter, though both be of the same version."""
    assert merged([left, right]) == merged([right, left])


@given(first=records, second=records, third=records)
@examples(200)
def test_merging_is_associative(first, second, third):
    """How records are grouped does not matter."""
    assert merged([merged([first, second]), third]) == merged([first, merged([second, third])])
    assert merged([first, second, third]) == reduce(lambda one, other: merged([one, other]), [first, second, third], {})


@given(record=records)
@examples(100)
def test_merging_is_idempotent(record):
    """A record that is told twice is told once."""
    assert merged([record, record]) == record


@given(left=records, right=records)
@examples(200)
def test_nothing_is_erased(left, right):
    """Every cell of either record is in the merged one, no older than it was."""
    result = merged([left, right])
    assert set(result) == {*left, *right}
    assert all(result[name].version >= cell.version for record in (left, right) for name, cell in record.items())


@given(record=records, version=versions)
@examples(200)
def test_cells_survive_their_row(record, version):
    """What is laid out for a row of any version is read back as it was."""
    assert restored(stored(record, version)) == record


def test_only_cells_of_another_version_are_exceptions():
    """A row whose cells all come of one event bears that event's version alone."""
    old, new = Version(1, 0, 0, 0), Version(2, 0, 0, 0)
    row = stored({"text": Cell("a", new), "role": Cell("user", old)}, new)
    assert row.exceptions == {"role": old}


def test_nothing_is_no_cell():
    """A value that an event lacks is not there to erase anything; an empty one is."""
    version = Version(1, 0, 0, 0)
    assert cells_of({"text": "", "role": None}, version) == {"text": Cell("", version)}


def test_newest_message_comes_before_the_envelope():
    """A snapshot with a newer message is newer, though its envelope was sent earlier; then the longer one is."""
    versions = [Version(2, 1, 1, 0), Version(1, 9, 9, 9), Version(2, 2, 0, 0), Version(2, 2, 1, 0)]
    assert sorted(versions) == [versions[1], versions[0], versions[2], versions[3]]


@given(row=records, told=records, retold=st.frozensets(versions))
@examples(200)
def test_what_is_told_again_takes_its_place_and_no_other(row, told, retold):
    """Of a row go the cells of the versions that are told again, and those that are told with their own version."""
    standing, gone = part(row, [told], retold)
    assert {**standing, **gone} == row
    assert not standing.keys() & gone.keys()
    if not retold:
        assert gone == {}
    else:
        tied = {name for name in row.keys() & told.keys() if row[name].version == told[name].version}
        assert gone.keys() == tied | {name for name, cell in row.items() if cell.version in retold}
