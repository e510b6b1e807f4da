"""The smallest calls that the merging got wrong once, or would without one of its parts."""

from collections.abc import Iterator, Sequence

import pytest

from shared.event_records import StoredEvent
from tests.calls import (
    STARTED_AT_MS,
    Json,
    conversation_update,
    end_of_call_report,
    hang,
    having,
    user,
    welcome,
    without,
)
from tests.stage_runs import Stages


@pytest.fixture
def stages(database_url: str) -> Iterator[Stages]:
    """All stages, on this test's database."""
    with Stages(database_url) as running:
        yield running


def _sent(number: int, messages: Sequence[Json]) -> StoredEvent:
    """Make the snapshot that is the `number`th by its version, whatever messages it holds."""
    return conversation_update(messages, timestamp=STARTED_AT_MS + number)


def test_late_copy_of_a_vanished_message_keeps_its_place(stages: Stages):
    """A message that was seen again after a change, and then vanished, is not overtaken by the late change."""
    said, changed = user(1, text="A"), user(1, text="B")
    first, second, third, gone = (
        _sent(1, [said]),
        _sent(2, [changed]),
        _sent(3, [said]),
        _sent(4, [welcome(timestamp=STARTED_AT_MS + 90_000)]),
    )
    stages.run_jobs(("transcripts", [one]) for one in (first, gone, third, second))
    assert stages.select("select message_id, text from messages where role = 'user'") == [("user-1", "A")]


def test_batch_with_an_old_copy_of_a_vanished_message(stages: Stages):
    """A batch that holds an old copy of a vanished message does not make its row as old as that copy."""
    said, changed = user(1, text="A"), user(1, text="B")
    gone = _sent(4, [welcome(timestamp=STARTED_AT_MS + 90_000)])
    stages.run("transcripts", _sent(3, [said]))
    stages.run("transcripts", gone)
    stages.run("transcripts", _sent(1, [said]), _sent(2, [changed]))
    assert stages.select("select message_id, text from messages where role = 'user'") == [("user-1", "A")]


def test_older_change_after_the_unchanged_message_was_repeated(stages: Stages):
    """A message is as new as the newest snapshot that repeats it, so an older change does not win."""
    said, changed = user(1, text="A"), user(1, text="B")
    for one in (_sent(1, [said]), _sent(3, [said]), _sent(2, [changed])):
        stages.run("transcripts", one)
    assert stages.select("select text, revision from messages") == [("A", 2)]


def test_message_left_by_the_newest_snapshot_remembers_when_it_was_last_seen(stages: Stages):
    """A message that was repeated and then vanished is still newer than a change before the repetition."""
    said, changed = user(1, text="A"), user(1, text="B")
    gone = _sent(4, [welcome(timestamp=STARTED_AT_MS + 90_000)])
    for one in (_sent(1, [said]), _sent(3, [said]), gone, _sent(2, [changed])):
        stages.run("transcripts", one)
    assert stages.select("select text from messages where message_id = 'user-1'") == [("A",)]


def test_field_that_only_an_older_copy_has_stays_as_old_as_it(stages: Stages):
    """A confidence that the newest copy lacks is replaced by a newer one that arrives late, not by an older one."""
    lacking = without(user(1), "metrics")
    first, second, third = (
        _sent(1, [user(1, confidence=0.1)]),
        _sent(2, [user(1, confidence=0.2)]),
        _sent(3, [lacking]),
    )
    for order in ([first, third, second], [second, third, first]):
        stages.clear()
        stages.run_jobs(("transcripts", [one]) for one in order)
        assert stages.select("select confidence from messages") == [(0.2,)]


def test_messages_before_anything_else_of_the_call(stages: Stages):
    """Messages are counted though a hang or a report brings them before the call itself is known."""
    for one in (hang([user(1)]), end_of_call_report([user(1), user(2)])):
        stages.run("transcripts", one)
    stages.run("lifecycle", end_of_call_report([user(1), user(2)]))
    assert stages.select("select message_count from calls") == [(2,)]


def test_two_bodies_of_the_same_snapshot(stages: Stages):
    """Of two bodies that tell the same conversation at the same moment, the same one is kept in any order."""
    bodies = [conversation_update([user(1)], customer={"number": number}) for number in ("web-A", "web-B")]
    kept = []
    for order in (bodies, bodies[::-1]):
        stages.clear()
        stages.send(*order)
        kept += stages.select("select event_id from snapshots")
    assert kept[0] == kept[1]


def test_leaf_without_a_name_that_holds_an_object(stages: Stages):
    """A metric of an odd shape is the same after it was read back and merged."""
    odd = having(user(1), "metrics", "news", value={"": {"leaf": 1}})
    stages.send(_sent(1, [odd]))
    stages.send(_sent(2, [having(odd, "text", value="changed")]))
    assert stages.select("select extra from message_metrics") == [({"news": {"": {"leaf": 1}}},)]
