"""The events that all arms get."""

import json

from bench.controls.rows import columns_of
from bench.workload import backlog, call_snapshots


def test_each_event_brings_one_message_that_is_new():
    """So events and messages can be counted against one another."""
    snapshots = call_snapshots(3, 6)

    held = [json.loads(one.body)["message"]["messages"] for one in snapshots]
    assert [len(messages) for messages in held] == [1, 2, 3, 4, 5, 6]
    assert [messages[-1]["messageId"] for messages in held] == [one.message_id for one in snapshots]
    assert len({one.call_id for one in snapshots}) == 1


def test_a_backlog_mixes_the_calls_that_are_in_flight():
    """Three calls, two of them side by side, then the third."""
    calls = [one.call_id for one in backlog(3, 2, 2)]

    first, second, third = dict.fromkeys(calls)
    assert calls == [first, second, first, second, third, third]


def test_bodies_do_not_repeat():
    """A repeated body would be a duplicate, which costs next to nothing."""
    bodies = [one.body for one in backlog(20, 5, 10)]

    assert len(set(bodies)) == 100


def test_a_call_that_is_cut_short_has_rows_for_every_stage():
    """The latency of an event is that of its slowest stage, so each stage must have a row to wait for."""
    last = call_snapshots(3, 6, cut_short=True)[-1]
    message = json.loads(last.body)["message"]["messages"][-1]

    rows = {
        stage: columns_of(stage, [(last.call_id, message)]) for stage in ("transcripts", "metrics", "interruptions")
    }
    assert {stage: columns["message_id"] for stage, columns in rows.items()} == {
        stage: [last.message_id] for stage in rows
    }
