"""Every leaf finds its column, or its place in `extra`; nothing is dropped."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.calls import EXAMPLE, assistant, having, user
from tests.strategies import examples
from workers.absorption import Content
from workers.metrics import LEAF_COLUMNS, LEAVES, SEPARATOR, MetricsTable, flat, metric_cells, nested, read_content

names = st.text(max_size=4).filter(lambda name: SEPARATOR not in name and "\0" not in name)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(-1e9, 1e9),
    st.sampled_from(["NaN", "12", "x", ""]),
)
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(names, scalars, max_size=2)
known_groups = st.sampled_from(sorted({group for group, _ in LEAVES}))
known_leaves = st.sampled_from(sorted({leaf for _, leaf in LEAVES}))
metrics = st.dictionaries(
    names | known_groups, scalars | st.dictionaries(names | known_leaves, values, max_size=4), max_size=4
)


def _read(message: dict[str, Any]) -> Content:
    return read_content(msgspec.Raw(json.dumps(message).encode()))


def _row(metrics: dict[str, Any]) -> dict[str, Any]:
    """Lay metrics out in the columns of a row."""
    return MetricsTable().to_columns({"message_id": "user-1", **metric_cells(metrics)})


def _extra(metrics: dict[str, Any]) -> Any:
    return json.loads(_row(metrics)["extra"] or "null")


@pytest.mark.parametrize(("path", "column"), [(path, column) for path, (column, _) in LEAVES.items()])
def test_documented_leaf_has_its_column(path: tuple[str, str], column: str):
    """A leaf's value is in the column of its group and leaf, and in no other."""
    group, leaf = path
    value = {"isCachePlaying": True, "timestampMs": 1_772_702_495_603}.get(leaf, -42)
    row = _row({group: {leaf: value}})
    assert {name: found for name, found in row.items() if found is not None} == {"message_id": "user-1", column: value}


def test_same_leaf_of_several_groups_stays_apart():
    """Leaves of the same name in different groups are different figures."""
    row = _row({"llm": {"queueLatencyMs": 3}, "tts": {"queueLatencyMs": 2}, "interactlyEOU": {"queueLatencyMs": 1}})
    assert (row["llm_queue_latency_ms"], row["tts_queue_latency_ms"], row["eou_queue_latency_ms"]) == (3, 2, 1)


def test_documented_example_needs_no_extra():
    """Every figure of the documented example has a column; an empty group says nothing."""
    messages = json.loads(EXAMPLE.read_bytes())["message"]["messages"]
    assert [_extra(message["metrics"]) for message in messages] == [None] * 5
    told = sum(len(group) for message in messages for group in message["metrics"].values())
    assert told == sum(len(metric_cells(message["metrics"])) for message in messages)


@pytest.mark.parametrize(
    ("metrics", "extra"),
    [
        ({"llm": {"news": 1}}, {"llm": {"news": 1}}),
        ({"news": {"leaf": [1]}}, {"news": {"leaf": [1]}}),
        ({"news": 7}, {"news": 7}),
        ({"llm": "busy"}, {"llm": "busy"}),
        ({"llm": [1, 2]}, {"llm": [1, 2]}),
        ({"stt": {"confidence": "high"}}, {"stt": {"confidence": "high"}}),
        ({"stt": {"confidence": "NaN"}}, {"stt": {"confidence": "NaN"}}),
        ({"stt": {"timestampMs": -5}}, {"stt": {"timestampMs": -5}}),
        ({"audio": {"lostPacketsCumulativeCount": 1.5}}, {"audio": {"lostPacketsCumulativeCount": 1.5}}),
        ({"tts": {"isCachePlaying": 1}}, {"tts": {"isCachePlaying": 1}}),
        ({"tts": {"audioDurationMs": {"a": None}}}, {"tts": {"audioDurationMs": {"a": None}}}),
        ({"llm": {}, "stt": None, "tts": {"audioDurationMs": None}}, None),
        ({"news": {"": {"leaf": 1}}}, {"news": {"": {"leaf": 1}}}),
        ({"news": {"a\0": "b\0"}}, {"news": {"a\ufffd": "b\ufffd"}}),
    ],
)
def test_what_has_no_column_is_extra(metrics: dict[str, Any], extra: object):
    """An unknown group or leaf, or a value of another type than its column's, is kept as it came."""
    assert _extra(metrics) == extra
    assert all(value is None for name, value in _row(metrics).items() if name not in ("message_id", "extra"))


@pytest.mark.parametrize(
    ("leaf", "value", "kept"),
    [("confidence", "0.5", 0.5), ("vadMs", "-100", -100.0), ("timestampMs", "1772702487063", 1772702487063)],
)
def test_number_as_text_is_a_number(leaf: str, value: str, kept: float):
    """A number that comes as text is in its column."""
    assert metric_cells({"stt": {leaf: value}}) == {LEAVES["stt", leaf][0]: kept}


@given(told=metrics)
@examples(300)
def test_nothing_is_dropped(told: dict[str, Any]):
    """Every leaf that says something is found again: in its column, or in `extra` just as it came."""
    row = _row(told)
    extra = flat(json.loads(row["extra"] or "{}"))
    for name, value in flat(told).items():
        column, convert = LEAVES.get(tuple(name.split(SEPARATOR)), ("", lambda _: None))
        found = extra.get(name) if convert(value) is None else row[column]
        assert found == (value if convert(value) is None else convert(value))


@given(told=metrics)
@examples(300)
def test_row_is_read_back_as_it_was(told: dict[str, Any]):
    """What is laid out in columns comes back as the same cells, so it can be merged again."""
    cells = metric_cells(told)
    row = MetricsTable().to_columns({"message_id": "user-1", **cells})
    columns = {**dict.fromkeys(MetricsTable.column_names), **row, "extra": json.loads(row["extra"] or "null")}
    assert cells == {name: value for name, value in MetricsTable().to_cells(columns).items() if value is not None}


@given(told=metrics)
@examples(200)
def test_nested_undoes_flat(told: dict[str, Any]):
    """Spreading groups out and gathering them keeps every leaf."""
    assert flat(nested(flat(told))) == flat(told)


def test_message_without_metrics_is_no_row():
    """Only what came with a figure has a row; `llm: {}` is no figure."""
    for odd in ({}, None, [], "none", {"llm": {}}):
        assert _read(having(user(1), "metrics", value=odd)).rows == {}


def test_row_knows_who_spoke_and_when():
    """A row of metrics tells role and time, and whom an assistant's message answers."""
    message = assistant(3)
    ((key, row),) = _read(message).rows.items()
    columns = MetricsTable().to_columns({**row, "message_id": key[0]})
    assert (columns["role"], columns["reply_to"]) == ("assistant", "user-3")
    assert columns["spoken_at"] == datetime.fromtimestamp(message["timestamp"] / 1000, UTC)


def test_columns_are_named_once():
    """No two leaves share a column."""
    assert len(set(LEAF_COLUMNS)) == len(LEAVES) == 26


@pytest.mark.parametrize("group", ["stt", "llm"])
def test_a_timestamp_that_counts_from_the_beginning_of_the_call_is_extra(group):
    """A small timestampMs is no moment: it is kept as it came."""
    assert metric_cells({group: {"timestampMs": 4200}}) == {f"{group}{SEPARATOR}timestampMs": 4200}
