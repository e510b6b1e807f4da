"""The time that charts are about: presets, chosen moments, whole hours, and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.errors import Unprocessable
from console.pages.chart_filters import read_filters
from console.pages.ranges import read_range
from console.pages.stretches import stretch_at, stretch_words

NOW = datetime(2026, 11, 23, 15, 20, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("preset", "since", "grain"),
    [("24h", "2026-11-22T15:00", "hour"), ("7d", "2026-11-16T15:00", "hour"), ("30d", "2026-10-24T00:00", "day")],
)
def test_a_preset_ends_with_the_present_hour(preset, since, grain):
    """It is made of whole hours, or whole days where its chart goes by the day."""
    chosen = read_range({"range": preset}, NOW)
    assert (chosen.since, chosen.until) == (
        datetime.fromisoformat(f"{since}+00:00"),
        datetime(2026, 11, 23, 16, tzinfo=UTC),
    )
    assert (chosen.preset, chosen.grain) == (preset, grain)


def test_chosen_moments_go_before_a_preset():
    """Who fills in a time means it; a time without a zone is in UTC, and hours are whole."""
    chosen = read_range({"range": "7d", "since": "2026-11-01T10:30", "until": "2026-11-02T10:30:00+02:00"}, NOW)
    assert (chosen.since.isoformat(), chosen.until.isoformat()) == (
        "2026-11-01T10:00:00+00:00",
        "2026-11-02T09:00:00+00:00",
    )
    assert chosen.preset == ""


def test_a_missing_end_is_now_and_a_missing_beginning_a_week_before_the_end():
    """Either of the two is enough."""
    assert read_range({"since": "2026-11-20T00:00"}, NOW).until == datetime(2026, 11, 23, 16, tzinfo=UTC)
    assert read_range({"until": "2026-11-20T00:00"}, NOW).since == datetime(2026, 11, 13, tzinfo=UTC)


@pytest.mark.parametrize(("name", "moment"), [("until", "0001-01-02T00:00"), ("since", "9999-12-30T00:00")])
def test_a_time_that_cannot_be_counted_on_from_is_refused(name, moment):
    """At both ends of the calendar."""
    with pytest.raises(Unprocessable, match=f"“{moment}” is not a time of ours"):
        read_range({name: moment}, NOW)


def test_a_field_of_blanks_asks_for_nothing():
    """As a form may send it."""
    assert read_range({"since": " ", "range": "24h"}, NOW).preset == "24h"


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=5))
def test_whatever_is_written_is_read_or_refused(since, until, preset):
    """No text makes anything but an answer or a refusal."""
    try:
        chosen = read_range({"since": since, "until": until, "range": preset}, NOW)
    except Unprocessable:
        return
    assert chosen.since < chosen.until


def test_a_chart_by_the_hour_stays_within_a_month():
    """Beyond that it goes by the day, whatever was asked for."""
    week = {"since": "2026-11-01T00:00", "until": "2026-11-20T00:00", "by": "hour"}
    assert read_filters(week, NOW).grain == "hour"
    assert read_filters(week | {"since": "2026-08-01T00:00"}, NOW).grain == "day"
    assert read_filters({"range": "24h", "by": "day"}, NOW).grain == "day"


def test_tables_follow_the_breakdown():
    """Without one, calls are told apart by assistant and by model."""
    tables = {by: read_filters({"by": by}, NOW).tables for by in ("", "assistant", "model", "hour")}
    both = ("assistant", "model")
    assert tables == {"": both, "assistant": ("assistant",), "model": ("model",), "hour": both}


def test_presets_keep_the_other_filters():
    """Another time is asked the same of."""
    filters = read_filters({"range": "24h", "assistant_id": "a b", "since": ""}, NOW)
    assert filters.presets("/latency")[1] == ("Last 7 days", "/latency?range=7d&assistant_id=a+b", False)
    assert [is_chosen for *_, is_chosen in filters.presets("/latency")] == [True, False, False]


def test_a_fault_is_told_by_the_label_of_its_field_and_what_was_written():
    """Nobody who fills in a form knows the names of parameters."""
    with pytest.raises(Unprocessable) as refusal:
        read_filters({"since": "yesterday"}, NOW)
    assert str(refusal.value) == "Began from (UTC): “yesterday” is no time such as 2026-11-23T14:00"


def test_what_a_page_does_not_know_is_told_apart():
    """A filter that is left out silently would be thought to work."""
    assert read_filters({"period": "24h", "range": "7d"}, NOW).unknown == ("period",)


def test_hours_and_days_are_written_for_people():
    """A day needs no hours."""
    hour = stretch_at("2026-11-23T09:00:00+00:00", "hour")
    assert stretch_words(hour, "hour") == "Mon 23 Nov, 09:00 to 10:00"
    day = stretch_at("2026-11-23T00:00:00Z", "day")
    assert (stretch_words(day, "day"), day.until - day.since) == ("Mon 23 Nov", timedelta(days=1))
