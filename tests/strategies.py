"""What hypothesis draws: conversations as hostile to merging as they come, and ways of delivering them.

The examples are the same in every run. `EXAMPLES_FACTOR=50 pytest --timeout=0` draws that many times as many, new ones.
"""

import os
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from shared.event_records import StoredEvent
from shared.stages import STAGES
from tests.calls import STARTED_AT_MS, Json, event, realistic_call, stages_of
from tests.stage_runs import Job

# Few values of everything: what collides is what breaks.
MESSAGE_IDS = ("user-1", "user-2", "user-1-Ab-1772702480900", "welcome-1")
MOMENTS = (STARTED_AT_MS, STARTED_AT_MS + 1, STARTED_AT_MS + 2)
ABSENT = object()

EXAMPLES_FACTOR = int(os.environ.get("EXAMPLES_FACTOR", "1"))

moments = st.sampled_from([*MOMENTS, ABSENT])
texts = st.sampled_from(["A", "B", "C", "", ABSENT])
statuses = st.sampled_from(["initiated", "queued", "ongoing", "forwarded", "finished", "failed", "parked", "", ABSENT])


def examples(count: int) -> settings:
    """Ask for so many examples of a test; the fixtures of a test are shared by its examples."""
    return settings(
        max_examples=count * EXAMPLES_FACTOR,
        derandomize=EXAMPLES_FACTOR == 1,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def fields(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """Draw an object from which any field may be absent."""
    return st.fixed_dictionaries(strategies).map(
        lambda values: {name: value for name, value in values.items() if value is not ABSENT}
    )


metric_groups = st.one_of(
    st.just(ABSENT),
    st.sampled_from([None, "none", [], {}]),
    fields(
        stt=st.one_of(st.just(ABSENT), fields(confidence=st.sampled_from([0.1, 0.9, "0.5", None, ABSENT]))),
        llm=st.sampled_from([ABSENT, {}, None, "busy", {"queueLatencyMs": 3}, {"queueLatencyMs": "slow"}]),
        news=st.sampled_from([ABSENT, 1, {"leaf": 1}, {"leaf": [2]}, {"": 1, "leaf": 3}, {"": {"leaf": 1}}]),
    ),
)
skipped_lists = st.one_of(
    st.just(ABSENT),
    st.lists(st.sampled_from([None, "cut", {"text": "cut"}, {"messageId": "m", "text": "off"}, {}, 7]), max_size=2),
)
bot_turns = st.lists(
    fields(
        interrupted=st.sampled_from([True, False, ABSENT]),
        userMessageId=st.sampled_from(["user-1", "user-2", ABSENT]),
        playedDuration=st.sampled_from([1.5, 2, ABSENT]),
    ),
    max_size=2,
)


def messages(message_ids: Sequence[str] = MESSAGE_IDS) -> st.SearchStrategy[list[Json]]:
    """Draw a history; within one history an id stands once."""
    message = fields(
        messageId=st.sampled_from(message_ids),
        role=st.sampled_from(["user", "assistant", ABSENT]),
        text=texts,
        timestamp=moments,
        metrics=metric_groups,
        skippedAssistantMessages=skipped_lists,
    )
    return st.lists(message, max_size=3, unique_by=lambda one: one["messageId"])


@st.composite
def hostile_events(draw: st.DrawFn, call_ids: Sequence[str] = ("call-1",)) -> StoredEvent:
    """Draw an event of any type, in which anything may be missing and any clock may stand still."""
    event_type = draw(
        st.sampled_from(
            [*["conversation-update"] * 4, "end-of-call-report", "hang", "error", "status-update"],
        )
    )
    call = {
        "status": statuses,
        "userNumber": st.sampled_from(["web-A", "web-B", "", ABSENT]),
        "metadata": st.sampled_from([{"k": 1}, {"k": 2}, {}, None, ABSENT]),
        "cost": st.sampled_from([{"totalCost": 1, "callDuration": 2}, {"totalCost": "3"}, None, ABSENT]),
    }
    parts = {"timestamp": moments, "call": fields(**call), "messages": messages()}
    if event_type == "end-of-call-report":
        told = draw(bot_turns)
        parts["analysis"] = st.sampled_from([{"summary": "S", "more": 1}, {"summary": ""}, {}, ABSENT])
        parts["call"] = parts["call"].map(lambda one: {**one, "metrics": _call_stats(told)})
    if event_type in ("hang", "error"):
        parts["error"] = st.sampled_from([{"code": "c", "details": {"d": 1}}, {"details": "d"}, {}, ABSENT])
    return event(event_type, draw(st.sampled_from(call_ids)), {"timestamp": None, **draw(fields(**parts))})


def hostile_calls(max_events: int = 6, calls: int = 1) -> st.SearchStrategy[list[StoredEvent]]:
    """Draw the events of one or more calls, in order of sending."""
    call_ids = [f"call-{number}" for number in range(1, calls + 1)]
    return st.lists(hostile_events(call_ids), min_size=1, max_size=max_events)


def realistic_calls(min_messages: int, max_messages: int) -> st.SearchStrategy[list[StoredEvent]]:
    """Draw the events of a call as it really goes, in order of sending."""
    return st.builds(
        lambda seed, count: realistic_call(Random(seed), messages=count),
        st.integers(0, 2**32),
        st.integers(min_messages, max_messages),
    )


@st.composite
def deliveries(draw: st.DrawFn, events: Sequence[StoredEvent]) -> list[Job]:
    """Draw a way to deliver events: every stage in an order of its own, some twice, in batches of any size."""
    jobs: list[Job] = []
    for stage in STAGES:
        wanted = [one for one in events if stage in stages_of(one)]
        again = draw(st.lists(st.sampled_from(wanted), max_size=3)) if wanted else []
        order = draw(st.permutations([*wanted, *again]))
        jobs += [(stage, batch) for batch in draw(_splits(order))]
    return draw(st.permutations(jobs))


@st.composite
def _splits(draw: st.DrawFn, items: Sequence[Any]) -> list[Sequence[Any]]:
    cuts = draw(st.sets(st.integers(1, len(items) - 1))) if len(items) > 1 else set()
    edges = [0, *sorted(cuts), len(items)]
    return [items[start:end] for start, end in pairwise(edges) if start < end]


def _call_stats(turns: list[Json]) -> Json:
    return {"callStats": {"turnsStats": {"botTurns": turns}}}
