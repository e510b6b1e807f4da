"""A stage run again over the stored snapshots: right rows stay, wrong ones are corrected, missing ones are made."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from earshot.cli import main
from shared.event_records import StoredEvent, compress
from shared.events import read_event
from shared.fields import moment
from shared.migrations import all_migrations
from shared.stages import STAGES
from tests.calls import (
    CALL_ID,
    RECEIVED_AT_MS,
    Json,
    assistant,
    conversation_update,
    end_of_call_report,
    error,
    hang,
    realistic_call,
    sent_at,
    stages_of,
    status_update,
    user,
    welcome,
    without,
)
from tests.programs import wait_for
from tests.stage_runs import TIMEOUT_SECONDS, Stages
from tests.strategies import deliveries, examples, hostile_calls
from workers import calls, interruptions, lifecycle, metrics, rebuilding, tasks, transcripts
from workers.absorption import Content
from workers.rebuilding import Outcome, Rebuild, Selection, tables_of

HISTORY = [welcome(), user(1, skipped=[{"text": "With", "messageId": "m"}]), assistant(1), user(2)]
LATE = sent_at(HISTORY) + 60_000
TURNS = [{"interrupted": True, "userMessageId": "user-1", "playedDuration": 1.0}]
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.fixture
def stages(database_url: str) -> Iterator[Stages]:
    """All stages, on this test's database."""
    with Stages(database_url) as running:
        yield running


def _events(call_id: str = CALL_ID) -> list[StoredEvent]:
    """Make one event of each type, and a conversation that grows."""
    return [
        status_update("ongoing", call_id=call_id, phoneCallStatusReason="picked up"),
        *(conversation_update(HISTORY[:count], call_id=call_id) for count in range(1, 5)),
        hang(HISTORY, call_id=call_id),
        error(call_id=call_id),
        end_of_call_report(HISTORY, call_id=call_id, timestamp=LATE, bot_turns=TURNS),
    ]


def _rebuild(stages: Stages, stage: str, *, dry_run: bool = False, at_once: int = 50, **chosen: Any) -> Outcome:
    rebuild = Rebuild(stages._url, TIMEOUT_SECONDS, Selection(stage, **chosen), dry_run=dry_run)
    try:
        return sum(rebuild.run(at_once), Outcome())
    finally:
        rebuild.close()


def _as_they_are(stages: Stages) -> dict[str, list[tuple[Any, ...]]]:
    """Read every table to the last internal column, as it is written and not as it is read."""
    tables = [*stages.rows(), "receipts", "quarantine"]
    return {name: sorted(stages.select(f"select to_jsonb({name})::text from {name}")) for name in tables}


def _differences(outcome: Outcome) -> dict[str, tuple[int, int, int, int]]:
    return {table: (rows.inserted, rows.changed, rows.internal, rows.deleted) for table, rows in outcome.tables.items()}


def _correct(monkeypatch: pytest.MonkeyPatch, module: Any, correct: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change how a stage reads the rows of a message."""
    as_before = module.read_content

    def read_content(raw: Any) -> Content:
        content = as_before(raw)
        return Content(content.timestamp, {key: correct(dict(row)) for key, row in content.rows.items()})

    monkeypatch.setattr(module, "read_content", read_content)


def _earshot(database_url: str, *arguments: str) -> Any:
    return CliRunner(env={"DATABASE_URL": database_url}).invoke(main, ["rebuild", *arguments])


class TestUnchanged:
    """A stage that is as it was."""

    @given(data=st.data())
    @examples(40)
    def test_changes_nothing_after_any_traffic(self, stages: Stages, data: st.DataObject):
        """After hostile events in any order no row of any table changes, not even in its internal columns."""
        stages.clear()
        stages.run_jobs(data.draw(deliveries(data.draw(hostile_calls(calls=2)))), workers=2)
        expected = _as_they_are(stages)
        outcomes = [_rebuild(stages, stage) for stage in STAGES]
        assert expected == _as_they_are(stages)
        assert {numbers for outcome in outcomes for numbers in _differences(outcome).values()} <= {(0, 0, 0, 0)}

    @pytest.mark.parametrize("seed", range(3))
    def test_changes_nothing_after_a_realistic_call(self, stages: Stages, seed: int):
        """The same after a call with corrections, vanished messages and poorer copies, delivered in a shuffle."""
        random = Random(seed)
        jobs = [(stage, [one]) for one in realistic_call(random, messages=30) for stage in stages_of(one)]
        random.shuffle(jobs)
        stages.run_jobs(jobs)
        expected = _as_they_are(stages)
        for stage in STAGES:
            _rebuild(stages, stage)
        assert expected == _as_they_are(stages)

    def test_hang_without_messages_is_not_told_to_the_transcripts(self, stages: Stages):
        """A snapshot goes only to the stages that its event goes to."""
        stages.send(hang())
        outcome = _rebuild(stages, "transcripts")
        assert (outcome.snapshots, stages.select("select count(*) from fingerprints")) == (0, [(0,)])


class TestCorrected:
    """A stage that read something wrong before."""

    @pytest.mark.parametrize("better", [-0.5, 0.999])
    def test_column_takes_the_new_value(self, stages: Stages, monkeypatch: pytest.MonkeyPatch, better: float):
        """What is read now stands in place of what was read of the same message, be it greater or less."""
        stages.send(*_events())
        _correct(monkeypatch, metrics, lambda row: {**row, "stt_confidence": better})
        outcome = _rebuild(stages, "metrics")
        assert stages.select("select distinct stt_confidence from message_metrics") == [(better,)]
        assert outcome.tables["message_metrics"].columns == {"stt_confidence": 4}
        assert _differences(outcome) == {"message_metrics": (0, 4, 0, 0)}

    def test_twice_is_once(self, stages: Stages, monkeypatch: pytest.MonkeyPatch):
        """The second run of a corrected stage finds nothing to do."""
        stages.send(*_events())
        for module, column in ((transcripts, "text"), (interruptions, "interrupted_text"), (metrics, "role")):
            _correct(monkeypatch, module, lambda row, column=column: {**row, column: "better"})
        for stage in STAGES:
            _rebuild(stages, stage)
        expected = _as_they_are(stages)
        again = [_rebuild(stages, stage) for stage in STAGES]
        assert expected == _as_they_are(stages)
        assert {numbers for outcome in again for numbers in _differences(outcome).values()} == {(0, 0, 0, 0)}

    def test_value_that_is_read_no_more_is_gone(self, stages: Stages, monkeypatch: pytest.MonkeyPatch):
        """A value that only the mistake had made does not stay."""
        stages.send(conversation_update(HISTORY))
        _correct(monkeypatch, metrics, lambda row: {**row, "stt_confidence": None})
        _rebuild(stages, "metrics")
        assert stages.select("select distinct stt_confidence from message_metrics") == [(None,)]

    @pytest.mark.parametrize("better", ["A", "z"])
    def test_message_that_the_newest_snapshot_repeats(
        self, stages: Stages, monkeypatch: pytest.MonkeyPatch, better: str
    ):
        """A message counts as new as the newest snapshot with it, also where another one was kept to rebuild from."""
        stages.send(conversation_update(HISTORY), hang(HISTORY), hang([HISTORY[1], user(9)]))
        assert stages.select("select count(*) from snapshots where event_type = 'hang'") == [(1,)]
        _correct(monkeypatch, transcripts, lambda row: {**row, "text": better})
        _rebuild(stages, "transcripts")
        assert stages.select("select text from messages where message_id = 'user-1'") == [(better,)]

    def test_after_what_the_stage_knew_was_deleted(self, stages: Stages, monkeypatch: pytest.MonkeyPatch):
        """A row that lags behind the kept snapshot, which holds its message, is as new as that all the same."""
        stages.send(conversation_update(HISTORY[:2]), conversation_update(HISTORY))
        stages.session.execute("delete from fingerprints")
        _correct(monkeypatch, metrics, lambda row: {**row, "stt_confidence": None})
        _rebuild(stages, "metrics")
        assert stages.select("select distinct stt_confidence from message_metrics") == [(None,)]

    def test_values_of_other_snapshots_stay(self, stages: Stages, monkeypatch: pytest.MonkeyPatch):
        """What only a snapshot that was not kept had said is not lost, though the kept one says less."""
        poorer = [without(message, "metrics") for message in HISTORY]
        stages.send(conversation_update(HISTORY), conversation_update(poorer, timestamp=LATE))
        expected = stages.select("select message_id, confidence from messages order by 1")
        _correct(monkeypatch, transcripts, lambda row: {**row, "text": f"{row['text']}!"})
        _rebuild(stages, "transcripts")
        assert stages.select("select message_id, confidence from messages order by 1") == expected
        assert stages.select("select text from messages where message_id = 'user-1'") == [("Hello.!",)]

    def test_corrected_text_is_no_new_wording(self, stages: Stages, monkeypatch: pytest.MonkeyPatch):
        """A text that was read wrong was never said: it does not become an earlier wording. A real one stays."""
        stages.send(conversation_update([user(1, text="A")]), conversation_update([user(1, text="B")], timestamp=LATE))
        _correct(monkeypatch, transcripts, lambda row: {**row, "text": row["text"].lower()})
        _rebuild(stages, "transcripts")
        assert stages.select("select text, revision from messages") == [("b", 2)]
        assert stages.select("select text, revision from message_revisions") == [("A", 1)]

    def test_corrected_text_that_an_earlier_wording_had(self, stages: Stages, monkeypatch: pytest.MonkeyPatch):
        """No wording is both the present one and an earlier one."""
        stages.send(
            conversation_update([user(1, text="yes")]), conversation_update([user(1, text="YES")], timestamp=LATE)
        )
        _correct(monkeypatch, transcripts, lambda row: {**row, "text": row["text"].lower()})
        outcome = _rebuild(stages, "transcripts")
        assert stages.select("select text, revision from messages") == [("yes", 1)]
        assert outcome.tables["message_revisions"].deleted == 1

    @pytest.mark.parametrize(
        ("stage", "module", "table"),
        [("transcripts", transcripts, "messages"), ("metrics", metrics, "message_metrics")],
    )
    def test_derived_column(self, stages: Stages, monkeypatch: pytest.MonkeyPatch, stage: str, module: Any, table: str):
        """A column that is made of others is corrected too."""
        stages.send(conversation_update(HISTORY))
        monkeypatch.setattr(module, "replied_to", lambda *_: "nobody")
        outcome = _rebuild(stages, stage)
        assert stages.select(f"select distinct reply_to from {table}") == [("nobody",)]
        assert outcome.tables[table].columns == {"reply_to": 4}

    def test_lifecycle(self, stages: Stages, monkeypatch: pytest.MonkeyPatch):
        """A call's facts, its statuses and its incidents take what is read now."""
        stages.send(*_events())
        facts, status, incident = calls.call_facts, lifecycle.status_row, lifecycle.incident_row
        monkeypatch.setattr(calls, "call_facts", lambda event: {**facts(event), "summary": "A better one."})
        monkeypatch.setattr(lifecycle, "status_row", lambda event: (row := status(event)) and {**row, "reason": "Aa"})
        monkeypatch.setattr(lifecycle, "incident_row", lambda event: (row := incident(event)) and {**row, "code": "c"})
        outcome = _rebuild(stages, "lifecycle")
        assert stages.select("select summary from calls") == [("A better one.",)]
        assert stages.select("select reason from call_statuses") == [("Aa",)]
        assert stages.select("select distinct code from incidents") == [("c",)]
        assert _differences(outcome) == {
            "calls": (0, 1, 0, 0),
            "call_statuses": (0, 1, 0, 0),
            "incidents": (0, 2, 0, 0),
        }

    def test_live_events_go_on_as_ever_afterwards(self, stages: Stages, monkeypatch: pytest.MonkeyPatch):
        """What comes after a rebuild by the corrected stage ends as if it had been right from the beginning."""
        events = _events()
        stages.send(*events[:3])
        _correct(monkeypatch, metrics, lambda row: {**row, "stt_vad_ms": 1.0})
        _rebuild(stages, "metrics")
        stages.send(*events[3:])
        found = stages.rows(["message_metrics"])
        stages.clear()
        stages.send(*events)
        assert stages.rows(["message_metrics"]) == found


class TestNew:
    """A stage that has seen nothing yet, or whose rows are gone."""

    @pytest.mark.parametrize("forgotten", [True, False])
    @pytest.mark.parametrize("stage", STAGES)
    def test_rows_are_there_again(self, stages: Stages, stage: str, *, forgotten: bool):
        """The rows of a stage that were deleted come back, whether what it knows was deleted too or not."""
        told = [conversation_update(HISTORY), *_events()[-3:], status_update("ongoing")]
        stages.send(*told)
        expected = stages.rows(tables_of(stage))
        for table in set(tables_of(stage)) - ({"calls"} if stage == "transcripts" else set()):
            stages.session.execute(f"delete from {table}")
        if forgotten:
            stages.session.execute("delete from fingerprints where stage = %s", [stage])
        outcome = _rebuild(stages, stage)
        if stage == "lifecycle":  # the transcripts count the messages
            _rebuild(stages, "transcripts")
            stages.session.execute("update calls set message_count = 4")
            expected.pop("calls")
        assert {table: rows for table, rows in stages.rows(tables_of(stage)).items() if table in expected} == expected
        assert sum(rows.inserted for rows in outcome.tables.values()) > 0

    def test_message_count_is_true(self, stages: Stages):
        """Messages that were deleted by hand are not counted twice when they come back."""
        stages.send(conversation_update(HISTORY))
        stages.session.execute("delete from messages where message_id <> 'welcome-1'")
        _rebuild(stages, "transcripts")
        assert stages.select("select message_count from calls") == [(4,)]


class TestDryRun:
    """What would be."""

    @pytest.mark.parametrize("stage", STAGES)
    def test_writes_nothing_and_tells_what_the_run_then_does(
        self, stages: Stages, monkeypatch: pytest.MonkeyPatch, stage: str
    ):
        """The figures before are those after, damage included, and until then no row is another."""
        for number in range(3):
            stages.send(*_events(f"call-{number}"))
        stages.session.execute("update snapshots set body = 'spoilt' where call_id = 'call-1'")
        stages.session.execute("delete from message_metrics where call_id = 'call-0' and message_id = 'user-1'")
        stages.session.execute("delete from incidents where call_id = 'call-2'")
        stages.session.execute("update sentiments set scorer = 'another/1' where call_id = 'call-2'")
        for module, column in ((transcripts, "text"), (interruptions, "interrupted_text"), (metrics, "role")):
            _correct(monkeypatch, module, lambda row, column=column: {**row, column: "better"})
        before = _as_they_are(stages)
        told = _rebuild(stages, stage, dry_run=True, at_once=2)
        assert before == _as_they_are(stages)
        done = _rebuild(stages, stage, at_once=2)
        assert told == done
        assert before != _as_they_are(stages)
        assert (done.calls, {damage.call_id for damage in done.damaged}) == (3, {"call-1"})

    def test_each_row_is_counted_once(self, stages: Stages, monkeypatch: pytest.MonkeyPatch):
        """Inserted, changed and unchanged rows are told apart."""
        stages.send(conversation_update(HISTORY))
        stages.session.execute("delete from message_metrics where message_id = 'user-1'")
        _correct(monkeypatch, metrics, lambda row: {**row, **({"stt_vad_ms": 1.0} if row["role"] == "user" else {})})
        rows = _rebuild(stages, "metrics", dry_run=True).tables["message_metrics"]
        assert (rows.inserted, rows.changed, rows.unchanged, dict(rows.columns)) == (1, 1, 2, {"stt_vad_ms": 1})


class TestDamage:
    """Snapshots that cannot be told again."""

    @pytest.mark.parametrize("body", [b"", b"spoilt", None])
    def test_others_go_on(self, stages: Stages, body: bytes | None):
        """A body that cannot be decompressed or parsed is named by call and type, and nothing else suffers."""
        for call_id in ("call-1", "call-2"):
            stages.send(conversation_update(HISTORY, call_id=call_id))
        spoilt = compress(b'{"message": "secret') if body is None else body
        stages.session.execute("update snapshots set body = %s where call_id = 'call-1'", [spoilt])
        stages.session.execute("delete from message_metrics")
        outcome = _rebuild(stages, "metrics")
        assert [(one.call_id, one.event_type) for one in outcome.damaged] == [("call-1", "conversation-update")]
        assert "secret" not in outcome.damaged[0].reason
        assert stages.select("select distinct call_id from message_metrics") == [("call-2",)]

    def test_snapshot_that_the_stage_fails_at(self, stages: Stages, monkeypatch: pytest.MonkeyPatch):
        """One that the stage itself, or PostgreSQL, refuses is left out of its batch."""
        for number, text in enumerate(("good", "odd", "refused")):
            stages.send(conversation_update([user(1, text=text)], call_id=f"call-{number}"))

        def odd(row: dict[str, Any]) -> dict[str, Any]:
            if row["text"] == "odd":
                raise ZeroDivisionError("the text is odd")
            return {**row, "text": "refused\0" if row["text"] == "refused" else "better"}

        _correct(monkeypatch, transcripts, odd)
        outcome = _rebuild(stages, "transcripts")
        assert stages.select("select text from messages order by call_id") == [("better",), ("odd",), ("refused",)]
        assert [one.call_id for one in outcome.damaged] == ["call-1", "call-2"]
        assert outcome.damaged[0].reason == "ZeroDivisionError"


@pytest.mark.usefixtures("received")
class TestChoice:
    """Which snapshots."""

    @pytest.fixture
    def received(self, stages: Stages) -> None:
        """Three calls, received an hour after one another; nothing is left of their metrics."""
        for number in range(3):
            call_id = f"call-{number}"
            stages.send(conversation_update(HISTORY, call_id=call_id))
            at = moment(RECEIVED_AT_MS) + timedelta(hours=number)
            stages.session.execute("update snapshots set received_at = %s where call_id = %s", [at, call_id])
        stages.session.execute("delete from message_metrics")

    @pytest.mark.parametrize(
        ("chosen", "expected"),
        [
            ({}, "012"),
            ({"since": 1}, "12"),
            ({"until": 1}, "0"),
            ({"since": 1, "until": 2}, "1"),
            ({"call_ids": ("call-2", "call-0", "nobody's")}, "02"),
            ({"call_ids": ("call-2", "call-0"), "since": 1}, "2"),
        ],
    )
    def test_by_time_and_call(self, stages: Stages, chosen: Json, expected: str):
        """Since includes its moment, until does not, and all conditions hold together."""
        times = {
            name: moment(RECEIVED_AT_MS) + timedelta(hours=value) if isinstance(value, int) else value
            for name, value in chosen.items()
        }
        outcome = _rebuild(stages, "metrics", at_once=1, **times)
        found = stages.select("select distinct call_id from message_metrics order by 1")
        assert "".join(call_id.removeprefix("call-") for (call_id,) in found) == expected
        assert outcome.calls == len(expected)

    def test_calls_are_counted_beforehand(self, stages: Stages):
        """The progress bar knows its end."""
        rebuild = Rebuild(stages._url, TIMEOUT_SECONDS, Selection("metrics", call_ids=["call-1"]), dry_run=True)
        assert rebuild.count_calls() == 1
        rebuild.close()

    def test_large_calls_come_in_smaller_batches(self, stages: Stages, monkeypatch: pytest.MonkeyPatch):
        """A batch is bounded by the size of its bodies, and even the largest call has its turn."""
        monkeypatch.setattr(rebuilding, "BYTES_AT_ONCE", 1)
        rebuild = Rebuild(stages._url, TIMEOUT_SECONDS, Selection("metrics"), dry_run=True)
        assert [outcome.calls for outcome in rebuild.run()] == [1, 1, 1]
        rebuild.close()


class TestBesideLiveWork:
    """A rebuild is no reason to stop the workers."""

    @pytest.mark.parametrize("stage", STAGES)
    def test_live_workers_on_the_same_calls(self, stages: Stages, stage: str):
        """With events of the same calls coming in meanwhile, the rows end as those of the serial run."""
        random = Random(7)
        events = [one for n in range(3) for one in realistic_call(random, messages=16, call_id=f"call-{n}")]
        stages.send(*events)
        expected = stages.rows()
        stages.clear()
        first, rest = events[::2], events[1::2]
        stages.send(*first)
        with ThreadPoolExecutor(2) as workers:
            live = workers.submit(stages.send, *rest)
            while not live.done():
                _rebuild(stages, stage, at_once=2)
            live.result()
        _rebuild(stages, stage)
        assert expected == stages.rows()

    def test_what_a_worker_writes_meanwhile_is_not_counted(self, stages: Stages):
        """What a live worker commits while the rebuild waits for its lock is no difference that the rebuild makes."""
        stages.send(conversation_update(HISTORY[:2]))
        with ThreadPoolExecutor(1) as other:
            with stages.another_database().transaction() as live:
                tasks.PROCESSES["metrics"](live, [read_event(conversation_update(HISTORY))])
                running = other.submit(_rebuild, stages, "metrics")
                wait_for(lambda: stages.select(WAITING) == [(1,)])
            outcome = running.result(TIMEOUT_SECONDS)
        assert _differences(outcome) == {"message_metrics": (0, 0, 0, 0)}
        assert outcome.tables["message_metrics"].unchanged == 4


class TestInterrupted:
    """A rebuild that ends in the middle."""

    def test_what_is_told_is_done_and_the_rest_is_not_begun(self, stages: Stages, monkeypatch: pytest.MonkeyPatch):
        """After some batches, and in the middle of one, the calls so far are whole; another run does the rest."""
        for number in range(4):
            stages.send(conversation_update(HISTORY, call_id=f"call-{number}"))
        _correct(monkeypatch, metrics, lambda row: {**row, "stt_vad_ms": 1.0})
        process = tasks.PROCESSES["metrics"]

        def die_after_its_writes(connection: Any, events: Any) -> Any:
            process(connection, events)
            if events[0].call_id == "call-2":
                raise KeyboardInterrupt

        monkeypatch.setattr(rebuilding, "PROCESSES", {**tasks.PROCESSES, "metrics": die_after_its_writes})
        with pytest.raises(KeyboardInterrupt):
            _rebuild(stages, "metrics", at_once=1)
        corrected = "select distinct call_id from message_metrics where stt_vad_ms = 1 order by 1"
        assert stages.select(corrected) == [("call-0",), ("call-1",)]
        monkeypatch.setattr(rebuilding, "PROCESSES", tasks.PROCESSES)
        assert _rebuild(stages, "metrics").tables["message_metrics"].changed == 8
        assert len(stages.select(corrected)) == 4


class TestCommand:
    """`earshot rebuild` itself."""

    def test_without_a_choice(self, database_url: str):
        """Nobody rebuilds everything by leaving something out, and --all goes with no filter."""
        assert _earshot(database_url, "metrics").exit_code == 2
        assert _earshot(database_url, "metrics", "--all", "--call", "x").exit_code == 2

    def test_json_of_both_runs_is_the_same(self, stages: Stages, database_url: str):
        """The dry run prints what the run then prints, and the run does it; nothing of Redis is needed."""
        stages.send(conversation_update(HISTORY))
        stages.session.execute("delete from message_metrics")
        dry = _earshot(database_url, "metrics", "--all", "--json", "--dry-run")
        assert stages.select("select count(*) from message_metrics") == [(0,)]
        run = _earshot(database_url, "metrics", "--all", "--json")
        assert stages.select("select count(*) from message_metrics") == [(4,)]
        assert {**json.loads(dry.stdout), "dry_run": False} == json.loads(run.stdout)
        assert json.loads(run.stdout)["tables"]["message_metrics"]["inserted"] == 4
        assert (dry.exit_code, run.exit_code) == (0, 0)

    def test_damage_is_named_and_ends_with_status_1(self, stages: Stages, database_url: str):
        """Whoever starts it from a script learns that something was left out."""
        stages.send(conversation_update(HISTORY))
        stages.session.execute("update snapshots set body = 'spoilt'")
        result = _earshot(database_url, "metrics", "--since", "3000d")
        assert result.exit_code == 1
        assert f"damaged: call {CALL_ID}, conversation-update" in result.stderr

    def test_tables_for_people(self, stages: Stages, database_url: str):
        """The table and its figures are printed."""
        stages.send(conversation_update(HISTORY))
        stages.session.execute("update messages set text = 'wrong'")
        result = _earshot(database_url, "transcripts", "--call", CALL_ID, "--dry-run")
        assert "1 snapshots of 1 calls would be told again to transcripts" in result.stdout
        assert "text 4" in result.stdout

    def test_interruption_by_ctrl_c(self, stages: Stages, database_url: str, monkeypatch: pytest.MonkeyPatch):
        """It tells what is done, and that it was interrupted, by its status too."""
        stages.send(conversation_update(HISTORY))

        def interrupt(*_: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(rebuilding, "PROCESSES", {"metrics": interrupt})
        result = _earshot(database_url, "metrics", "--all")
        assert result.exit_code == 1
        assert "Interrupted" in result.stderr

    def test_unreachable_database(self, monkeypatch: pytest.MonkeyPatch):
        """It says so in one line."""
        monkeypatch.setattr(rebuilding, "PAUSES_SECONDS", ())
        result = _earshot("postgresql://localhost:1/none", "metrics", "--all")
        assert result.exit_code == 1
        assert "PostgreSQL" in result.stderr


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_says_which_tables_it_writes(stage: str):
    """Without that a rebuild could not say what it changes."""
    made = "\n".join(all_migrations().values())
    assert tables_of(stage)
    assert all(f"create table {table} (" in made for table in tables_of(stage))
