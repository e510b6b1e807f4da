"""Each stage on a real database: what it writes, and what happens when its events are odd, late, doubled or cut off."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import permutations
from threading import Barrier
from typing import Any

import pytest

from shared.database import Database
from shared.event_records import StoredEvent
from shared.events import read_event
from shared.fields import moment
from shared.stages import STAGES
from tests.calls import (
    CALL_ID,
    EXAMPLE,
    RECEIVED_AT_MS,
    assistant,
    conversation_update,
    end_of_call_report,
    error,
    hang,
    sent_at,
    stages_of,
    status_update,
    stored,
    user,
    welcome,
)
from tests.programs import wait_for
from tests.stage_runs import TIMEOUT_SECONDS, Stages
from workers import tasks

HISTORY = [welcome(), user(1), assistant(1), user(2, skipped=[{"text": "With", "messageId": "user-1-x-1"}])]
LATE = sent_at(HISTORY) + 60_000
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.fixture
def stages(database_url: str) -> Iterator[Stages]:
    """All stages, on this test's database."""
    with Stages(database_url) as running:
        yield running


def _events(call_id: str = CALL_ID) -> list[StoredEvent]:
    """Make one event of each type, and a conversation that grows."""
    turns = [{"interrupted": True, "userMessageId": "user-1", "playedDuration": 1.0}]
    return [
        status_update("ongoing", call_id=call_id),
        *(conversation_update(HISTORY[:count], call_id=call_id) for count in range(1, 5)),
        hang(HISTORY, call_id=call_id),
        error(call_id=call_id),
        end_of_call_report(HISTORY, call_id=call_id, timestamp=LATE, bot_turns=turns),
    ]


def _of_stage(stage: str, events: list[StoredEvent]) -> list[StoredEvent]:
    return [one for one in events if stage in stages_of(one)]


def _die_before_commit(stages: Stages, stage: str, events: list[StoredEvent]) -> None:
    with stages.database().transaction() as connection:
        tasks.PROCESSES[stage](connection, [read_event(one) for one in events])
        raise ZeroDivisionError


class TestDocumentedExample:
    """The one event that the platform publishes in full."""

    def test_messages(self, stages: Stages):
        """Its five messages are rows, in their order, each with who spoke."""
        stages.send(stored(EXAMPLE.read_bytes()))
        found = stages.select("select message_id, role, confidence, reply_to from messages order by spoken_at")
        reply = "user-3-WcIrvV6mE7-1772702495604"
        assert found == [
            ("welcome-1", "assistant", None, None),
            ("user-1", "user", 0.7364502, None),
            ("user-2", "user", 0.7314453, None),
            ("user-3", "user", 0.2600708, None),
            (reply, "assistant", None, "user-3"),
        ]

    def test_turns(self, stages: Stages):
        """The third turn took 3,913 ms, the sum of its parts and a remainder of -3; the first two got no answer."""
        stages.send(stored(EXAMPLE.read_bytes()))
        parts = "eou_ms, eou_queue_ms, llm_queue_ms, llm_ms, tts_queue_ms, tts_ms, remainder_ms"
        assert stages.select(f"select turn_id, turn_latency_ms, {parts} from turns order by turn_id") == [
            ("user-1", None, 1000, 0, None, None, None, None, None),
            ("user-2", None, 1000, 0, None, None, None, None, None),
            ("user-3", 3913, 1000, 1, 3, 2557, 2, 353, -3),
        ]

    def test_call(self, stages: Stages):
        """Its call is a row with the facts it tells, and the figures of its messages."""
        stages.send(stored(EXAMPLE.read_bytes()))
        columns = "call_id, status, direction, message_count, last_message_at, recording, overrides is null"
        last = datetime(2026, 3, 5, 9, 21, 35, 958_000, tzinfo=UTC)
        assert stages.select(f"select {columns} from calls") == [(CALL_ID, "ongoing", "inbound", 5, last, None, False)]

    def test_snapshot(self, stages: Stages):
        """Its body is kept, to rebuild from."""
        stages.send(stored(EXAMPLE.read_bytes()))
        assert stages.select("select call_id, event_type from snapshots") == [(CALL_ID, "conversation-update")]


class TestEveryStage:
    """What holds for each of them."""

    def test_all_event_types(self, stages: Stages):
        """A call of all five types leaves its messages, metrics, interruptions, statuses, incidents and bodies."""
        stages.send(*_events())
        counts = {table: len(rows) for table, rows in stages.rows().items()}
        assert counts == {
            "messages": 4,
            "message_revisions": 0,
            "message_metrics": 4,
            "interruptions": 2,
            "calls": 1,
            "call_statuses": 1,
            "incidents": 2,
            "sentiments": 2,
            "snapshots": 5,
            "fingerprints": 4,
        }

    @pytest.mark.parametrize("stage", STAGES)
    def test_duplicate(self, stages: Stages, stage: str):
        """Every event twice, and all of them again in one batch, changes nothing."""
        events = _of_stage(stage, _events())
        stages.run_jobs((stage, [one]) for one in events)
        expected = stages.rows()
        stages.run_jobs((stage, [one, one]) for one in events)
        stages.run(stage, *events)
        assert expected == stages.rows()

    @pytest.mark.parametrize("stage", STAGES)
    def test_two_at_once(self, stages: Stages, stage: str):
        """Two workers with the same calls in opposite orders write the rows of one, and neither meets a deadlock."""
        events = _of_stage(stage, [*_events("call-1"), *_events("call-2")])
        stages.run(stage, *events)
        expected = stages.rows()
        stages.clear()
        together = Barrier(2)

        def work(batch: list[StoredEvent]) -> None:
            together.wait()
            for one in batch:
                stages.run(stage, one, *batch)

        with ThreadPoolExecutor(2) as workers:
            list(workers.map(work, [events, events[::-1]]))
        assert expected == stages.rows()

    @pytest.mark.parametrize(("stage", "table"), [("lifecycle", "calls"), ("metrics", "fingerprints")])
    def test_locks_in_key_order(self, stages: Stages, stage: str, table: str):
        """A worker that waits for the first of its calls holds none of the others, in whatever order they came."""
        call_ids = [f"call-{number}" for number in range(8)]
        events = [_of_stage(stage, _events(call_id))[0] for call_id in reversed(call_ids)]
        stages.run(stage, *events)
        others = f"select count(*) from (select 1 from {table} where call_id > 'call-0' for update skip locked) as free"
        with ThreadPoolExecutor(1) as worker:
            with stages.another_database().transaction() as holder:
                holder.execute(f"select 1 from {table} where call_id = 'call-0' for update")
                running = worker.submit(stages.run, stage, *events)
                wait_for(lambda: stages.select(WAITING) == [(1,)])
                free = stages.select(others)
            running.result()
        assert free == [(7,)]

    @pytest.mark.parametrize("stage", STAGES)
    def test_crash_before_commit(self, stages: Stages, stage: str):
        """A worker that dies after its writes and before the commit leaves nothing, and the next one does all of it."""
        events = _of_stage(stage, _events())
        nothing = stages.rows()
        with pytest.raises(ZeroDivisionError):
            _die_before_commit(stages, stage, events)
        assert nothing == stages.rows()
        stages.run(stage, *events)
        left = stages.rows()
        stages.clear()
        stages.run_jobs((stage, [one]) for one in events)
        assert stages.rows() == left

    @pytest.mark.parametrize("stage", STAGES)
    def test_late_and_out_of_order(self, stages: Stages, stage: str):
        """Events that come backwards leave the rows of those that come in order."""
        events = _of_stage(stage, _events())
        stages.run_jobs((stage, [one]) for one in events)
        expected = stages.rows()
        stages.clear()
        stages.run_jobs((stage, [one]) for one in reversed(events))
        assert expected == stages.rows()

    @pytest.mark.parametrize("odd", [None, "text", 7, [], {}, [None]])
    def test_malformed_parts(self, stages: Stages, odd: object):
        """A part of the wrong type costs what it would have told, not the event."""
        parts: dict[str, Any] = {"assistant": odd, "analysis": odd, "error": odd, "customer": odd, "phone": odd}
        call = dict.fromkeys(("metrics", "cost", "analysis", "recording", "metadata", "startAt", "status"), odd)
        stages.send(
            conversation_update(HISTORY, **parts, call=call),
            hang(odd),
            end_of_call_report(**parts, call=call),
            status_update("queued", metadata=odd, startAt=odd),
        )
        assert stages.select("select message_count from calls") == [(4,)]

    def test_stages_do_not_need_each_other(self, stages: Stages):
        """The stages of a call one after the other, in any order, end in the same rows."""
        found = []
        for order in permutations(STAGES):
            stages.clear()
            stages.run_jobs((stage, [one]) for stage in order for one in _of_stage(stage, _events()))
            found.append(stages.rows())
        assert all(rows == found[0] for rows in found)

    def test_run_stage(self, stages: Stages, database_url: str, monkeypatch: pytest.MonkeyPatch):
        """A worker's own way into a stage writes what these tests write."""
        monkeypatch.setattr(tasks, "_databases", [Database(database_url, TIMEOUT_SECONDS)])
        tasks.run_stage("transcripts", [conversation_update(HISTORY)])
        assert stages.select("select count(*) from messages") == [(4,)]
        tasks._databases[0].close()


class TestQuarantine:
    """What no other stage could take."""

    @pytest.mark.parametrize("body", [b"", b"\xff\0 no json", b'{"event": {}}', b"x" * 100_000])
    def test_body_is_kept_whole_and_once(self, stages: Stages, body: bytes):
        """A body of any bytes is kept as it came, with the reason, however often it is delivered."""
        odd = StoredEvent("odd", "", "", RECEIVED_AT_MS, body, "malformed_json")
        stages.run("quarantine", odd, odd)
        stages.run("quarantine", odd)
        found = stages.select("select event_id, reason, body, received_at from quarantine")
        assert found == [("odd", "malformed_json", body, moment(RECEIVED_AT_MS))]
