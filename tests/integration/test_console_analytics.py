"""Analytics on a real database: what they add up to, what they refuse, and that they read sums and no calls."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import ceil
from random import Random

import pytest
from flask.testing import FlaskClient

from console.api.analytics import (
    PARTS,
    AnalyticsQuery,
    Asked,
    read_interruption_groups,
    read_interruptions,
    read_latency,
    read_latency_groups,
)
from shared.database import Database
from shared.histograms import RELATIVE_ERROR
from shared.settings import Settings
from tests.calls import (
    ASSISTANT,
    STARTED_AT_MS,
    assistant,
    conversation_update,
    end_of_call_report,
    realistic_call,
    user,
    welcome,
)
from tests.consoles import console, console_settings, get
from tests.stage_runs import Stages
from workers.figures import FiguresKeeper

STARTED_AT = datetime.fromtimestamp(STARTED_AT_MS / 1000, UTC)
PERIOD = {"since": "2026-03-01T00:00:00Z", "until": "2026-03-08T00:00:00Z"}
PATHS = ("/api/analytics/latency", "/api/analytics/interruptions", "/api/analytics/calls")
BOUNDS = ("from_ms", "to_ms")
SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


@pytest.fixture
def api(servers, redis, database_url) -> Iterator[FlaskClient]:
    """A client of a console on this test's servers."""
    with console(console_settings(servers.redis_url, database_url)) as app:
        yield app.test_client()


def keep_up(database_url: str) -> None:
    """Bring all figures up to date."""
    store = Database(database_url, 20)
    keeper = FiguresKeeper(store, Settings())
    while any(keeper.run_step()):
        pass
    store.close()


@pytest.fixture
def filled(api, database_url) -> FlaskClient:
    """A client that has some calls to ask about: of two assistants and two models, on two days."""
    with Stages(database_url) as stages:
        for number in range(12):
            day, model = STARTED_AT + timedelta(days=number % 2, hours=number % 3), ("m0", "m1")[number % 4 // 2]
            call = {"startAt": day.isoformat(), "assistantId": f"A{number % 2}"}
            parts = {"call_id": f"call-{number}", "assistant": {**ASSISTANT, "assistantModel": model}}
            messages = [welcome(), *talk(Random(number))]
            stages.send(conversation_update(messages, call=call, **parts), end_of_call_report(call=call, **parts))
    keep_up(database_url)
    return api


def talk(random: Random) -> Iterator[dict]:
    """Make up some turns, of which the assistant is cut short in some."""
    for number in range(1, 6):
        skipped = [{"text": "I was going to say"}] if number % 2 else []
        yield user(number, skipped=skipped)
        yield assistant(number, llm_ms=random.randrange(100, 5000))


def ask(client: FlaskClient, path: str, **query) -> dict:
    return get(client, path, **{**PERIOD, **query})


def test_percentiles_are_those_of_the_turns(filled, database):
    """All percentiles of all parts are those of the view `turns`, as exact as promised."""
    (group,) = ask(filled, PATHS[0])["groups"]
    assert (group["key"], group["calls"], group["turns"], group["turns_measured"]) == (None, 12, 60, 60)
    for part in set(PARTS) - {"tts_cached_ms"}:
        values = sorted(value for (value,) in database.execute(f"select {part} from turns"))
        exact = {name: values[ceil(share * len(values)) - 1] for name, share in SHARES.items()}
        told = {name: group["parts"][part][name] for name in SHARES}
        assert all(is_near(told[name], exact[name]) for name in SHARES)
        assert group["parts"][part]["turns"] == 60
    assert group["parts"]["tts_cached_ms"] == {"turns": 0, **dict.fromkeys(SHARES)}


def is_near(told: float, exact: float) -> bool:
    """Tell whether a percentile is as exact as promised: rounded, and no further from the truth than it says."""
    places = 0 if told >= 100 else 1
    return told == round(told, places) and abs(told - exact) <= RELATIVE_ERROR * exact + 0.5 * 10**-places + 1e-6


def test_figures_are_told_as_exactly_as_they_are_known(filled):
    """No more digits than mean something: neither in what is promised nor in bounds."""
    answer = ask(filled, PATHS[0])
    assert answer["relative_error"] == ask(filled, PATHS[2])["relative_error"] == 0.025
    assert all(round(bucket[name], 3) == bucket[name] for bucket in answer["distribution"] for name in BOUNDS)


def test_an_answer_is_of_one_moment(api, database, database_url, monkeypatch):
    """What is summed up while an answer is being read is in none of its figures, and its time is that of all."""
    keep_up(database_url)
    before = as_of(api)

    def period_of_meanwhile(self, measures):
        keep_up(database_url)
        return histograms(self, measures)

    histograms = Asked.histograms
    monkeypatch.setattr(Asked, "histograms", period_of_meanwhile)
    with Stages(database_url) as stages:
        stages.send(conversation_update([user(1), assistant(1)]))
    database.execute("insert into stale_calls select call_id from calls")
    answer = ask(api, PATHS[0])
    assert (answer["groups"][0]["calls"], answer["groups"][0]["parts"]["llm_ms"]["turns"]) == (0, 0)
    assert datetime.fromisoformat(answer["as_of"]) == before
    assert ask(api, PATHS[0])["groups"][0]["parts"]["llm_ms"]["turns"] == 1


def test_zeros_are_below_one(api, database, database_url):
    """A turn without any latency is in a bucket that has a width, together with those below a millisecond."""
    with Stages(database_url) as stages:
        stages.send(conversation_update([user(1), assistant(1)]))
    latency = database.execute("select turn_latency_ms from turns").fetchone()
    database.execute("update message_metrics set stt_timestamp_ms = stt_timestamp_ms + %s", latency)
    keep_up(database_url)
    assert ask(api, PATHS[0])["distribution"] == [{"from_ms": 0.0, "to_ms": 1.0, "turns": 1}]
    assert ask(api, PATHS[0])["groups"][0]["parts"]["turn_latency_ms"]["p50"] == 0


@pytest.mark.parametrize("by", ["none", "assistant", "hour"])
def test_groups_alone_are_those_of_the_answer(by, filled):
    """Whoever wants no more than the groups need not have texts counted."""
    query, services = AnalyticsQuery(**PERIOD, by=by), filled.application.services
    assert read_latency_groups(services, query) == read_latency(services, {}, query).groups
    assert read_interruption_groups(services, query) == read_interruptions(services, {}, query).groups


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("none", {None}),
        ("assistant", {"A0", "A1"}),
        ("model", {"m0", "m1"}),
        ("day", {"2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z"}),
        ("hour", {f"2026-03-{day:02}T{hour:02}:00:00Z" for day in (5, 6) for hour in (9, 10, 11)}),
    ],
)
def test_groups_are_the_whole_divided(path, by, keys, filled):
    """Told apart by anything, the groups are those there are, and their calls are all calls."""
    answer = ask(filled, path, by=by)
    assert ({group["key"] for group in answer["groups"]}, answer["by"]) == (keys, by)
    assert sum(group["calls"] for group in answer["groups"]) == 12


@pytest.mark.parametrize("by", ["assistant", "model", "day", "hour"])
def test_a_group_is_what_its_filter_gives(by, filled):
    """A group's figures are those of its own calls when only they are asked about."""
    filters = {
        "assistant": lambda key: {"assistant_id": key},
        "model": lambda key: {"llm_model": key},
        "day": lambda key: {"since": key, "until": key.replace("T00", "T23:59")[:16] + ":00Z"},
        "hour": lambda key: {"since": key, "until": key.replace(":00:00Z", ":59:00Z")},
    }
    for path in PATHS:
        for group in ask(filled, path, by=by)["groups"]:
            (alone,) = ask(filled, path, **filters[by](group["key"]))["groups"]
            assert {**alone, "key": group["key"]} == group


def test_two_filters_at_once(filled):
    """Of an assistant's calls those of a model; their parts and distribution are of them alone."""
    answer = ask(filled, PATHS[0], assistant_id="A0", llm_model="m1", by="assistant")
    assert [(group["key"], group["calls"]) for group in answer["groups"]] == [("A0", 3)]
    assert answer["groups"][0]["parts"]["llm_ms"]["turns"] == 15
    assert sum(bucket["turns"] for bucket in answer["distribution"]) == 15


def test_the_distribution_is_that_of_all_groups(filled, database):
    """Its buckets follow each other, and each has the turns that lie in it."""
    buckets = ask(filled, PATHS[0], by="hour")["distribution"]
    latencies = [value for (value,) in database.execute("select turn_latency_ms from turns")]
    assert [bucket["turns"] for bucket in buckets] == [
        sum(bucket["from_ms"] <= value < bucket["to_ms"] for value in latencies) for bucket in buckets
    ]
    assert all(type(bucket["turns"]) is int for bucket in buckets)
    assert sum(bucket["turns"] for bucket in buckets) == len(latencies)
    assert buckets == sorted(buckets, key=lambda bucket: bucket["from_ms"])


def test_interruptions_and_their_texts(filled):
    """Rates are by call and by assistant's message; what was cut short most often comes first."""
    answer = ask(filled, PATHS[1])
    (group,) = answer["groups"]
    assert {name: group[name] for name in ("interrupted_calls", "interruptions", "assistant_messages")} == {
        "interrupted_calls": 12,
        "interruptions": 36,
        "assistant_messages": 72,
    }
    assert (group["per_call"], group["per_assistant_message"]) == (3.0, 0.5)
    assert answer["texts"] == [{"text": "I was going to say", "interruptions": 36, "calls": 12}]


def test_long_texts_are_cut_and_counted_together(api, database_url, database):
    """Of what was cut short the beginning is shown, and twenty of the most frequent."""
    database.execute("insert into calls (call_id, started_at) values ('c', '2026-03-05'), ('d', '2026-03-05')")
    database.execute(
        "insert into interruptions (call_id, message_id, ordinal, interrupted_text, version, fingerprint)"
        " select call_id, 'm', number, repeat('x', 200 + number % 2) || ' <b>', '{1,1,1,1}'::bigint[], 0"
        " from calls, generate_series(1, 3) as number"
        " union all select 'c', 'n', number, 'text ' || number, '{1,1,1,1}', 0 from generate_series(1, 30) as number"
    )
    keep_up(database_url)
    texts = ask(api, PATHS[1])["texts"]
    assert texts[0] == {"text": "x" * 200, "interruptions": 6, "calls": 2}
    assert len(texts) == 20


def test_volume_duration_cost_and_outcomes(filled):
    """Durations and costs of the report are summed up, and outcomes counted by kind and value."""
    answer = ask(filled, PATHS[2])
    (group,) = answer["groups"]
    assert (group["calls"], group["ended"], group["failed"]) == (12, 12, 0)
    assert group["total_cost"] == pytest.approx(12 * 0.31)
    assert group["duration_ms"]["total"] == 12 * 240_000
    assert group["duration_ms"]["p50"] == pytest.approx(240_000, rel=RELATIVE_ERROR)
    told = {(outcome["kind"], outcome["value"]): outcome["calls"] for outcome in answer["outcomes"]}
    assert told[("end_trigger", "user")] == told[("success_evaluation", "true")] == told[("outcome", "")] == 12


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-03-05T09:30:00Z", "2026-03-05T10:00:00Z"),
        ("2026-03-05T10:00:00Z", "2026-03-07T00:00:00Z"),
        ("2026-03-04T12:00:00Z", "2026-03-06T09:59:00Z"),
        ("2026-03-05T11:00:00Z", "2026-03-06T10:00:00Z"),
    ],
)
@pytest.mark.parametrize("by", ["none", "day", "hour"])
def test_the_turns_of_a_period_are_those_of_its_hours(since, until, by, filled, database):
    """Whether days, hours or both are read, all turns of the calls that began in these hours are told, and no other."""
    groups = ask(filled, PATHS[0], since=since, until=until, by=by)["groups"]
    told = sum(group["parts"]["turn_latency_ms"]["turns"] for group in groups)
    counted = database.execute(
        "select count(turn_latency_ms) from turns join calls using (call_id)"
        " where date_trunc('hour', began_at) >= date_trunc('hour', %s::timestamptz) and began_at < %s",
        (since, until),
    ).fetchone()
    assert told > 0
    assert counted == (told,)


def test_days_and_hours_are_the_same_sums(filled, database):
    """A period with whole days in it has what its hours have, though it reads the days."""
    wide = ask(filled, PATHS[0])
    database.execute("delete from histograms where grain = 'hour'")
    assert ask(filled, PATHS[0])["groups"] == wide["groups"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("by", ["none", "assistant", "hour"])
def test_nothing_is_an_answer_too(path, by, api):
    """Without any call there is no group, but that of all calls, and no rate; nothing is said to be up to date."""
    answer = get(api, path, by=by)
    assert [group["calls"] for group in answer["groups"]] == ([0] if by == "none" else [])
    assert answer["as_of"] is None


def test_it_says_up_to_when_it_is_true(api, database, database_url):
    """What waits to be taken in holds the time back."""
    keep_up(database_url)
    seen_at = as_of(api)
    assert seen_at > datetime.now(UTC) - timedelta(minutes=1)
    database.execute("insert into stale_calls values ('c', '2026-03-05T10:00Z')")
    assert as_of(api) == datetime(2026, 3, 5, 10, tzinfo=UTC)
    database.execute("insert into stale_hours values (now(), '2026-03-05T09:00Z')")
    assert as_of(api) == datetime(2026, 3, 5, 9, tzinfo=UTC)


def as_of(api: FlaskClient) -> datetime:
    return datetime.fromisoformat(get(api, PATHS[0])["as_of"])


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"since": "2026-03-08T00:00:00Z"}, "since"),
        ({"since": "2025-03-01T00:00:00Z"}, "366 days"),
        ({"since": "2026-02-01T00:00:00Z", "by": "hour"}, "31 days"),
        ({"until": "9999-12-31T23:59:59Z"}, "until"),
        ({"since": "0001-01-01T00:00:00+23:59"}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"by": "colour"}, "by"),
        ({"assistant_id": ""}, "assistant_id"),
        ({"team_id": "t"}, "team_id"),
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_what_makes_no_sense_is_refused(path, query, named, api):
    """The answer is 422 and names the parameter or the limit."""
    assert named in get(api, path, 422, **{**PERIOD, **query})["error"]


def test_of_too_many_assistants_the_busiest_are_shown(api, database, database_url):
    """A hundred groups, those with most calls; the distribution is of all."""
    database.execute(
        "insert into calls (call_id, started_at, assistant_id, duration_ms)"
        " select a || '-' || b, '2026-03-05', a, 60000 from generate_series(1, 101) as a, generate_series(1, a) as b"
    )
    keep_up(database_url)
    groups = ask(api, PATHS[2], by="assistant")["groups"]
    assert [group["calls"] for group in groups] == list(range(101, 1, -1))
    assert all(group["duration_ms"]["p50"] for group in groups)


def test_realistic_calls_are_answered(api, database_url):
    """Calls with all that real ones have can be asked about in every way."""
    with Stages(database_url) as stages:
        for number in range(4):
            stages.send(*realistic_call(Random(number), messages=10, call_id=f"call-{number}"))
    keep_up(database_url)
    for path in PATHS:
        for by in ("none", "assistant", "model", "hour", "day"):
            assert sum(group["calls"] for group in ask(api, path, by=by)["groups"]) == 4
