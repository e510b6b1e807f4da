"""However a call's events are delivered, the rows are those of the serial run: one by one, as they were sent."""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.event_records import StoredEvent
from shared.fields import as_number
from shared.stages import STAGES
from tests.calls import (
    Json,
    assistant,
    conversation_update,
    end_of_call_report,
    hang,
    having,
    realistic_call,
    stages_of,
    user,
    welcome,
)
from tests.stage_runs import Job, Rows, Stages
from tests.strategies import deliveries, examples, hostile_calls, realistic_calls

TOLD_BY_A_SNAPSHOT = {
    "messages": "message_id, role, text, spoken_at, confidence, reply_to",
    "message_metrics": "to_jsonb(message_metrics) - array['version', 'fingerprint', 'field_versions']",
    "interruptions": "message_id, ordinal, interrupted_text, interrupted_message_id, interrupted_at, kind",
    "sentiments": "message_id, label, score, confidence, scorer, spoken_at, text_digest",
}


@pytest.fixture
def stages(database_url: str) -> Iterator[Stages]:
    """All stages, on this test's database."""
    with Stages(database_url) as running:
        yield running


@given(data=st.data())
@examples(120)
def test_hostile_events_in_any_order(stages: Stages, data: st.DataObject):
    """Any order, repetition and batching gives the serial rows, whatever is missing and however clocks collide."""
    events = data.draw(hostile_calls())
    jobs = data.draw(deliveries(events))
    assert _serial(stages, events) == _delivered(stages, jobs)


@given(data=st.data())
@examples(40)
def test_two_calls_in_one_batch(stages: Stages, data: st.DataObject):
    """Batches that mix the events of two calls with the same messageIds give each call its serial rows."""
    events = data.draw(hostile_calls(calls=2))
    jobs = data.draw(deliveries(events))
    assert _serial(stages, events) == _delivered(stages, jobs)


@given(data=st.data())
@examples(8)
def test_realistic_calls_in_any_order(stages: Stages, data: st.DataObject):
    """A call of 20 to 60 messages ends in the serial rows, split over two connections in turn."""
    events = data.draw(realistic_calls(20, 60))
    jobs = data.draw(deliveries(events))
    assert _serial(stages, events) == _delivered(stages, jobs)


@pytest.mark.parametrize("seed", range(3))
def test_workers_at_the_same_time(stages: Stages, seed: int):
    """Three workers that take batches of two calls at the same time end in the serial rows, without a deadlock."""
    shuffled = random.Random(seed)
    events = [
        *realistic_call(shuffled, messages=24, call_id="call-1"),
        *realistic_call(shuffled, messages=24, call_id="call-2"),
    ]
    jobs = _shuffled_jobs(shuffled, events)
    expected = _serial(stages, events)
    stages.clear()
    with ThreadPoolExecutor(3) as workers:
        list(workers.map(lambda job: stages.run(job[0], *job[1]), jobs))
    assert expected == stages.rows()


@given(events=hostile_calls())
@examples(60)
def test_newest_word_stands(stages: Stages, events: list[StoredEvent]):
    """A field is what the newest snapshot that has it says; a text's earlier wordings are kept in their order."""
    if _has_equal_versions(events):
        return  # then a digest decides, and the tests above show that it always decides alike
    _serial(stages, events)
    found = stages.select("select message_id, role, text, confidence from messages")
    role = _told(events, lambda message: message.get("role"))
    text = _told(events, lambda message: message.get("text") or None)
    confidence = _told(events, _confidence)
    assert {(name, *(_last(told.get(name)) for told in (role, text, confidence))) for name in _names(events)} == set(
        found
    )
    assert {name: wordings[:-1] for name, wordings in text.items() if len(wordings) > 1} == _revisions(stages)


@given(seed=st.integers(0, 2**32), count=st.integers(20, 60))
@examples(8)
def test_loss_of_all_but_the_richest(stages: Stages, seed: int, count: int):
    """The last conversation-update alone gives the messages, metrics, interruptions and moods of the serial run.

    Of calls in which nothing is taken back: what a snapshot no longer holds, it cannot tell. So no message vanishes, no
    copy is poorer than an earlier one, and the bot turns of the report are left out, as are the versions, the
    revisions and which event told what.
    """
    events = _growing_call(random.Random(seed), count)
    richest = max((one for one in events if one.event_type == "conversation-update"), key=_version)
    _serial(stages, events)
    expected = _told_by_a_snapshot(stages)
    _serial(stages, [richest])
    assert expected == _told_by_a_snapshot(stages)


@given(data=st.data())
@examples(8)
def test_richest_snapshot_stands_among_all_others(stages: Stages, data: st.DataObject):
    """Whatever else was said in a call, each text of its newest snapshot stands."""
    events = data.draw(realistic_calls(20, 30))
    told = [one for one in events if "transcripts" in stages_of(one)]
    newest = max(told, key=_version)
    _delivered(stages, data.draw(deliveries(events)))
    found = dict(stages.select("select message_id, text from messages"))
    assert {one["messageId"]: one["text"] for one in _history(newest)}.items() <= found.items()


def _serial(stages: Stages, events: Sequence[StoredEvent]) -> Rows:
    stages.clear()
    stages.send(*events)
    return stages.rows()


def _delivered(stages: Stages, jobs: Sequence[Job]) -> Rows:
    stages.clear()
    stages.run_jobs(jobs, workers=2)
    return stages.rows()


def _shuffled_jobs(shuffled: random.Random, events: Sequence[StoredEvent]) -> list[Job]:
    jobs: list[Job] = []
    for stage in STAGES:
        wanted = [one for one in events if stage in stages_of(one)]
        shuffled.shuffle(wanted)
        jobs += [(stage, wanted[start : start + 5]) for start in range(0, len(wanted), 4)]
    shuffled.shuffle(jobs)
    return jobs


def _growing_call(random_: random.Random, count: int) -> list[StoredEvent]:
    history: list[Json] = [welcome()]
    events = [conversation_update(history)]
    for number in range(1, count // 2):
        cut = [{"text": "So I", "messageId": history[-1]["messageId"]}] if random_.random() < 0.3 else []
        for said in (user(number, text=f"Question {number}?", skipped=cut), assistant(number)):
            history = [*history, said]
            events.append(conversation_update(history))
        if random_.random() < 0.3:
            place = random_.randrange(len(history))
            text = random_.choice(["Beg your pardon?", "Pardon?"])
            history = [*history[:place], having(history[place], "text", value=text), *history[place + 1 :]]
            events.append(conversation_update(history, timestamp=history[-1]["timestamp"] + 1))
    return [*events, hang(history), end_of_call_report(history)]


def _told_by_a_snapshot(stages: Stages) -> dict[str, list[Any]]:
    return {
        table: sorted(map(repr, stages.select(f"select {columns} from {table}")))
        for table, columns in TOLD_BY_A_SNAPSHOT.items()
    }


def _history(event: StoredEvent) -> list[Json]:
    history: list[Json] = json.loads(event.body)["message"].get("messages") or []
    return history


def _version(event: StoredEvent) -> tuple[int, int, int]:
    history = _history(event)
    sent_at = json.loads(event.body)["message"].get("timestamp") or 0
    return max((one.get("timestamp") or 0 for one in history), default=0), len(history), sent_at


def _has_equal_versions(events: Sequence[StoredEvent]) -> bool:
    versions = [_version(one) for one in events if "transcripts" in stages_of(one)]
    return len(set(versions)) < len(versions)


def _told(events: Sequence[StoredEvent], read: Callable[[Json], Any]) -> dict[str, list[Any]]:
    """List what the transcripts' events say of each message, each value once, by the newest snapshot that says it."""
    newest: dict[str, dict[Any, Any]] = defaultdict(dict)
    for one in sorted((one for one in events if "transcripts" in stages_of(one)), key=_version):
        for message in _history(one):
            if (value := read(message)) is not None:
                newest[message["messageId"]].pop(value, None)
                newest[message["messageId"]][value] = None
    return {name: list(values) for name, values in newest.items()}


def _names(events: Sequence[StoredEvent]) -> set[str]:
    told = (one for one in events if "transcripts" in stages_of(one))
    return {message["messageId"] for one in told for message in _history(one)}


def _last(values: list[Any] | None) -> Any:
    return values[-1] if values else None


def _confidence(message: Json) -> float | None:
    metrics = message.get("metrics")
    stt = metrics.get("stt") if isinstance(metrics, dict) else None
    return as_number(stt.get("confidence")) if isinstance(stt, dict) else None


def _revisions(stages: Stages) -> dict[str, list[str]]:
    kept: dict[str, list[str]] = defaultdict(list)
    for name, text in stages.select("select message_id, text from message_revisions order by message_id, revision"):
        kept[name].append(text)
    return kept
