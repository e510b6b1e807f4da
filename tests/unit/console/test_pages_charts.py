"""The pages of charts as values: rows, points, links and what a chart says in words."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from console.api.analytics_models import InterruptedText, InterruptionsGroup, LatencyGroup
from console.charts.lines import Plot, Point
from console.charts.summaries import summarize
from console.pages import interruption_views, latency_views
from console.pages.behind import calls_in
from console.pages.chart_filters import ChartFilters, read_filters
from console.pages.formatting import duration

NOW = datetime(2026, 11, 23, 15, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
SLOW_MS = 3000


def filters(**asked: str) -> ChartFilters:
    """Read the filters of a page about a day."""
    return read_filters({"range": "24h", **asked}, NOW)


def latencies(key: str, turns: int = 10, p99: float | None = 2000, **parts: float) -> LatencyGroup:
    """Build the latencies of a group of calls."""
    none = {"turns": 0, **dict.fromkeys(("p50", "p90", "p95", "p99"))}
    told = {
        name: {"turns": turns, "p50": p50, "p90": p50, "p95": p50 * 2, "p99": p50 * 2} for name, p50 in parts.items()
    }
    every = {part: told.get(part, none) for part, *_ in latency_views.PARTS}
    turn = {"turns": turns, "p50": 1000, "p90": 1500, "p95": 1800, "p99": p99}
    return LatencyGroup(
        key=key,
        calls=3,
        turns=turns,
        turns_measured=turns,
        coverage=1.0,
        parts={"turn_latency_ms": turn, **every},
    )


def interruptions(key: str, number: int) -> InterruptionsGroup:
    """Build the interruptions of two calls."""
    rates = {"per_call": number / 2, "per_assistant_message": number / 20}
    counts = {"interrupted_calls": min(number, 2), "interruptions": number, "assistant_messages": 20}
    return InterruptionsGroup(key=key, calls=2, **counts, **rates)


def asked_of(href: str | None) -> dict[str, str]:
    """Read what a link asks the list of calls for."""
    assert href
    assert urlsplit(href).path == "/calls"
    return {name: values[0] for name, values in parse_qs(urlsplit(href).query).items()}


def test_a_link_asks_for_the_stretch_and_the_filters():
    """Values from outside are written so that they stay values."""
    chosen = filters(assistant_id="a&slow=true", llm_model="m 1")
    assert asked_of(calls_in(chosen.stretch, chosen, slow=True, has_interruptions=None)) == {
        "since": "2026-11-22T15:00:00Z",
        "until": "2026-11-23T16:00:00Z",
        "assistant_id": "a&slow=true",
        "llm_model": "m 1",
        "slow": "true",
    }


def test_parts_come_in_the_order_of_a_turn_with_bars_to_one_scale():
    """A part that nobody measured has no bar; the largest p95 fills its cell."""
    rows = {row.name: row for row in latency_views.part_rows(latencies("", eou_ms=100, llm_ms=400))}
    assert list(rows)[:4] == ["End of utterance", "Queue, end of utterance", "Queue, LLM", "LLM"]
    assert (rows["LLM"].bar.solid, rows["LLM"].bar.light) == (50, 100)
    assert rows["TTS, from its cache"].bar is None


def test_who_has_most_turns_comes_first_and_who_is_not_told_has_no_link():
    """Calls without an assistant's id cannot be asked for."""
    rows = latency_views.rows_by([latencies("", 5), latencies("A", 50)], "assistant", filters(), SLOW_MS)
    assert [row.name for row in rows] == ["A", ""]
    assert asked_of(rows[0].href)["assistant_id"] == "A"
    assert rows[1].href is None


def test_a_breakdown_goes_with_the_other_filter():
    """The models of one assistant lead to that assistant's calls."""
    (row,) = latency_views.rows_by([latencies("m1")], "model", filters(assistant_id="A"), SLOW_MS)
    asked = asked_of(row.href)
    assert (asked["assistant_id"], asked["llm_model"]) == ("A", "m1")


def test_a_row_leads_to_all_its_calls_and_apart_from_that_to_the_slow_ones():
    """To the slow ones only where there are some: else the list would be empty."""
    groups = [latencies("2026-11-23T09:00:00Z", p99=2999), latencies("2026-11-23T10:00:00Z", p99=3000)]
    rows = latency_views.rows_over_time(groups, filters(), SLOW_MS)
    assert [asked_of(row.href).get("slow") for row in rows] == [None, None]
    assert asked_of(rows[0].href)["until"] == "2026-11-23T10:00:00Z"
    assert rows[0].slow_href is None
    assert asked_of(rows[1].slow_href)["slow"] == "true"


def test_points_are_in_the_order_of_time_and_say_what_they_are():
    """Whatever order the API gives them in."""
    groups = [latencies("2026-11-23T10:00:00Z"), latencies("2026-11-23T09:00:00Z", turns=0, p99=None)]
    plot = latency_views.plot_of(latency_views.rows_over_time(groups, filters(), SLOW_MS), filters())
    assert [point.since.hour for point in plot.points] == [9, 10]
    expected = "Mon 23 Nov, 10:00 to 11:00: p50 1.0 s, p90 1.5 s, p95 1.8 s, p99 2.0 s; turns measured: 10"
    assert plot.points[1].title == expected
    assert plot.points[0].values[3] is None


def test_a_plot_holds_points_that_reach_beyond_what_was_asked():
    """A chart by the day of a part of a day has room for the whole day."""
    rows = latency_views.rows_over_time([latencies("2026-11-22T00:00:00Z")], filters(by="day"), SLOW_MS)
    plot = latency_views.plot_of(rows, filters(by="day"))
    assert (plot.since.day, plot.since.hour) == (22, 0)


def test_an_axis_whose_beginning_is_empty_begins_with_the_first_point():
    """Points of one evening in a week would lie on each other at its end; with an older point all of it is shown."""
    week = read_filters({"range": "7d"}, NOW)
    recent = [latencies("2026-11-23T08:00:00Z"), latencies("2026-11-23T14:00:00Z")]
    plots = [
        latency_views.plot_of(latency_views.rows_over_time(groups, week, SLOW_MS), week)
        for groups in (recent, [latencies("2026-11-18T08:00:00Z"), *recent])
    ]
    assert [plot.since for plot in plots] == [datetime(2026, 11, 23, 8, tzinfo=UTC), week.stretch.since]


def test_an_axis_is_never_that_of_a_single_point():
    """It has some hours before it."""
    week = read_filters({"range": "7d"}, NOW)
    rows = latency_views.rows_over_time([latencies("2026-11-23T15:00:00Z")], week, SLOW_MS)
    assert latency_views.plot_of(rows, week).since == datetime(2026, 11, 23, 10, tzinfo=UTC)


def test_an_hour_of_interruptions_leads_to_interrupted_calls_if_there_are_any():
    """Apart from all its calls; a point leads to the interrupted ones."""
    groups = [interruptions("2026-11-23T09:00:00Z", 0), interruptions("2026-11-23T10:00:00Z", 3)]
    rows = interruption_views.rows_over_time(groups, filters())
    assert ["has_interruptions" in asked_of(row.href) for row in rows] == [False, False]
    assert rows[0].cut_href is None
    assert asked_of(rows[1].cut_href)["has_interruptions"] == "true"
    points = interruption_views.plot_of(rows, filters(), interruption_views.RATES[0]).points
    assert [point.href for point in points] == [rows[0].href, rows[1].cut_href]


def test_rates_are_drawn_per_call_and_per_hundred_messages():
    """Each by a line of its own, since they are not of one scale."""
    rows = interruption_views.rows_over_time([interruptions("2026-11-23T10:00:00Z", 3)], filters())
    values = [interruption_views.plot_of(rows, filters(), rate).points[0].values for rate in interruption_views.RATES]
    assert values == [(1.5,), (15.0,)]


def test_a_text_is_searched_for_as_a_phrase():
    """Without its last word, which may be cut off, and without quotes of its own."""
    text = InterruptedText(text='Let me "look" it u', interruptions=4, calls=3)
    (row,) = interruption_views.text_rows([text], filters())
    assert asked_of(row.href)["search"] == '"Let me look it"'


def test_a_chart_says_in_words_what_it_shows():
    """The range of a line, and when it is highest; or that there is nothing."""
    points = [
        Point(NOW + hour * HOUR, NOW + (hour + 1) * HOUR, (value,), "", "") for hour, value in ((0, 900), (1, 1234.4))
    ]
    plot = Plot(("p95",), points, NOW, NOW + 2 * HOUR)
    assert summarize(plot, 0, duration) == (
        "p95 moves between 900 ms and 1.2 s, and is highest at 16:20 on 23 November (UTC)."
    )
    assert summarize(Plot(("p95",), [], NOW, NOW + HOUR), 0, duration) == "There are no values."
