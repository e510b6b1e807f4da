"""What a later event cannot undo: facts, wordings, and how far a call has come."""

from collections.abc import Iterator
from itertools import permutations

import pytest

from tests.calls import (
    STARTED_AT_MS,
    Json,
    assistant,
    conversation_update,
    end_of_call_report,
    sent_at,
    status_update,
    user,
    welcome,
    without,
)
from tests.stage_runs import Stages

HISTORY = [welcome(), user(1), assistant(1), user(2)]
LATE = sent_at(HISTORY) + 60_000
RANKS = {"initiated": 1, "queued": 2, "ongoing": 3, "forwarded": 4, "finished": 5}
SAID = """
    select role, text, spoken_at, messages.confidence, stt_vad_ms, tts_audio_duration_ms
    from messages join message_metrics using (message_id, role, spoken_at)
    order by spoken_at
"""
FACTS = "select summary, total_cost, ended_at, end_trigger, team_id, status from calls"


@pytest.fixture
def stages(database_url: str) -> Iterator[Stages]:
    """All stages, on this test's database."""
    with Stages(database_url) as running:
        yield running


class TestNeverPoorer:
    """What is known stays known."""

    @pytest.mark.parametrize("reported", [[], HISTORY[:1], HISTORY])
    def test_report_empties_nothing(self, stages: Stages, reported: list[Json]):
        """A report with a shorter transcript, none, or one without metrics leaves messages and metrics as they are."""
        stages.send(conversation_update(HISTORY))
        expected = stages.select(SAID)
        stages.send(end_of_call_report(reported, timestamp=LATE))
        assert expected == stages.select(SAID)
        assert len(expected) == 4

    @pytest.mark.parametrize(
        "path",
        [("text",), ("role",), ("timestamp",), ("metrics",), ("metrics", "stt"), ("metrics", "stt", "confidence")],
    )
    def test_poorer_copy_erases_nothing(self, stages: Stages, path: tuple[str, ...]):
        """A later copy of a message that lacks a field, a group or a leaf erases none."""
        stages.send(conversation_update([user(1), user(2)]))
        expected = stages.select(SAID)
        stages.send(conversation_update([without(user(1), *path), user(2)], timestamp=LATE))
        assert expected == stages.select(SAID)
        assert len(expected) == 2

    def test_emptied_text_stays(self, stages: Stages):
        """A later copy of a message whose text is empty does not empty it."""
        stages.send(conversation_update([user(1)]), conversation_update([user(1, text="")], timestamp=LATE))
        assert stages.select("select text, revision from messages") == [("Hello.", 1)]

    def test_vanished_message_stays(self, stages: Stages):
        """A message that a later history no longer has is kept and counted."""
        stages.send(conversation_update(HISTORY))
        stages.send(conversation_update(HISTORY[:1] + HISTORY[3:], timestamp=LATE))
        assert stages.select("select message_count, (select count(*) from messages) from calls") == [(4, 4)]

    def test_poorer_call_erases_no_fact(self, stages: Stages):
        """An event with an empty call erases no fact of it."""
        stages.send(end_of_call_report())
        expected = stages.select(FACTS)
        empty = {"teamId": "", "callEndTriggerBy": "", "cost": None, "endAt": None, "status": None}
        stages.send(end_of_call_report(timestamp=LATE, analysis={}, call={**empty, "assistantCallDuration": 0}))
        assert expected == stages.select(
            "select summary, total_cost, ended_at, end_trigger, team_id, status from calls"
        )

    def test_two_calls_with_the_same_message_ids(self, stages: Stages):
        """What is said in one call changes nothing in another with the same messageIds."""
        one, other = ([user(1, text=text)] for text in ("one", "other"))
        stages.run("transcripts", conversation_update(one, call_id="a"), conversation_update(other, call_id="b"))
        stages.run("transcripts", conversation_update(one, call_id="b", timestamp=1))
        assert stages.select("select call_id, text, revision from messages order by call_id") == [
            ("a", "one", 1),
            ("b", "other", 2),
        ]


class TestRevisions:
    """Earlier wordings of a text."""

    def test_each_wording_is_kept_and_numbered(self, stages: Stages):
        """Wordings are numbered as they followed each other, whatever order their events come in."""
        told = [conversation_update([user(1, text=text)], timestamp=LATE + place) for place, text in enumerate("ABC")]
        for order in permutations(told):
            stages.clear()
            stages.run_jobs(("transcripts", [one]) for one in order)
            kept = stages.select("select revision, text, replaced_at from message_revisions order by revision")
            assert [row[:2] for row in kept] == [(1, "A"), (2, "B")]
            assert kept[0][2] < kept[1][2]
            assert stages.select("select revision, text from messages") == [(3, "C")]

    def test_wording_that_came_back(self, stages: Stages):
        """A text that flips back is the present one again; the one between is the earlier one."""
        told = [conversation_update([user(1, text=text)], timestamp=LATE + place) for place, text in enumerate("ABA")]
        stages.send(*told)
        assert stages.select("select revision, text from message_revisions") == [(1, "B")]
        assert stages.select("select revision, text from messages") == [(2, "A")]


class TestStatus:
    """The way of a call."""

    def test_only_moves_forward(self, stages: Stages):
        """Status-updates in any order, and of any clock, never take a call backwards."""
        for order in permutations(RANKS):
            stages.clear()
            for place, status in enumerate(order):
                stages.run("lifecycle", status_update(status, sent_at=STARTED_AT_MS + place))
                ((found,),) = stages.select("select status from calls")
                assert RANKS[found] == max(RANKS[told] for told in order[: place + 1])

    def test_conversation_after_the_end(self, stages: Stages):
        """A late conversation-update of an ongoing call does not reopen a finished one."""
        stages.send(end_of_call_report(), conversation_update(HISTORY, timestamp=LATE))
        assert stages.select("select status, phone_call_status from calls") == [("finished", "completed")]

    def test_unknown_status_is_kept(self, stages: Stages):
        """A status that nobody knows is stored, and one that is known to come later follows it."""
        stages.send(status_update("parked"))
        assert stages.select("select status from calls") == [("parked",)]
        stages.send(status_update("finished", sent_at=STARTED_AT_MS - 5))
        assert stages.select("select status from calls") == [("finished",)]
        assert stages.select("select count(*) from call_statuses") == [(2,)]
