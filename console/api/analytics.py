"""Operations about many calls at once: latencies, interruptions, and volume, duration, cost and outcomes.

They read what the janitor sums up by hour and day, never the calls themselves; only interrupted texts are counted anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from psycopg.rows import DictRow

from console.api import analytics_models as models
from console.api.analytics_models import AnalyticsQuery
from console.api.analytics_period import period_of
from console.api.operations import Operation, PathValues
from console.services import Services
from shared.database import Connection
from shared.histograms import Histogram, bounds_of, percentiles, sum_histograms
from shared.queries import queries

TURN_LATENCY, DURATION = "turn_latency_ms", "duration_ms"
PARTS = tuple(models.Parts.model_fields)

Histograms = Mapping[tuple[str | None, str], Histogram]  # of each group's key and measure


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on an open connection: the parameters that its statements share, and the groups it is about."""

    connection: Connection
    values: Mapping[str, Any]
    groups: Sequence[DictRow]

    def rows(self, name: str, **more: Any) -> list[DictRow]:
        """Read the rows of one statement."""
        return _rows(self.connection, name, {**self.values, **more})

    @property
    def about(self) -> dict[str, Any]:
        """What every answer tells: the period as it was read, and up to when all is in the figures."""
        as_of = self.rows("as_of")
        told = {name: self.values[name] for name in ("since", "until", "by")}
        return {**told, "as_of": as_of[0]["as_of"] if as_of else None}

    def histograms(self, measures: Sequence[str]) -> Histograms:
        """Read and add up the histograms of every group."""
        wanted = {"measures": list(measures), "keys": [group["key"] for group in self.groups]}
        rows = self.rows("histograms", **wanted, breakdown=_breakdown(self.values))
        return _summed(rows)

    def distribution(self) -> Histogram:
        """Read the turn latencies of all groups together."""
        values = {**self.values, "by": "none"}
        wanted = {**values, "measures": [TURN_LATENCY], "keys": [], "breakdown": _breakdown(values)}
        return _summed(_rows(self.connection, "histograms", wanted)).get((None, TURN_LATENCY), {})


def read_latency(services: Services, _: PathValues, query: AnalyticsQuery) -> models.Latency:
    """Read how long turns took. Raises Unprocessable."""
    with _asking(services, query) as asked:
        histograms = asked.histograms(PARTS)
        groups = [_latency_group(group, histograms) for group in asked.groups]
        return models.Latency(**asked.about, groups=groups, distribution=_buckets(asked.distribution()))


def read_interruptions(services: Services, _: PathValues, query: AnalyticsQuery) -> models.Interruptions:
    """Read how often the assistant was cut short, and in what. Raises Unprocessable."""
    with _asking(services, query) as asked:
        groups = [_interruptions_group(group) for group in asked.groups]
        texts = asked.rows("interrupted_texts", most=models.MOST_TEXTS, most_characters=models.LONGEST_TEXT_SHOWN)
        shown = [models.InterruptedText.model_validate(row) for row in texts]
        return models.Interruptions(**asked.about, groups=groups, texts=shown)


def read_calls_figures(services: Services, _: PathValues, query: AnalyticsQuery) -> models.CallsFigures:
    """Read how many calls there were, how long, at what cost, and how they came out. Raises Unprocessable."""
    with _asking(services, query) as asked:
        histograms = asked.histograms([DURATION])
        groups = [_calls_group(group, histograms) for group in asked.groups]
        rows = asked.rows("outcomes", most=models.MOST_OUTCOMES)
        outcomes = [models.Outcome.model_validate(row) for row in rows]
        return models.CallsFigures(**asked.about, groups=groups, outcomes=outcomes)


@contextmanager
def _asking(services: Services, query: AnalyticsQuery) -> Iterator[Asked]:
    period = period_of(query.since, query.until, by_hour=query.by == "hour", now=datetime.now(UTC))
    values = {**query.model_dump(), **asdict(period)}
    with services.store.reading() as connection:
        groups = _rows(connection, "groups", {**values, "most": models.MOST_GROUPS})
        if query.by in ("hour", "day"):
            groups.sort(key=itemgetter("key"))
        yield Asked(connection, values, groups or _nothing(query.by))


def _rows(connection: Connection, name: str, values: Mapping[str, Any]) -> list[DictRow]:
    # As text, the arrays of a month's hours would take twice as long to read.
    return connection.execute(queries("console_analytics")[name], values, binary=True).fetchall()


def _nothing(by: models.By) -> list[DictRow]:
    """All calls together are a group even where there is none."""
    names = ("calls", "ended", "failed", "interrupted_calls", "interruptions", "assistant_messages")
    sums = ("turns", "turns_measured", "duration_ms", "total_cost")
    return [{"key": None, **dict.fromkeys((*names, *sums), 0)}] if by == "none" else []


def _breakdown(values: Mapping[str, Any]) -> str:
    """Name the coarsest breakdown of histograms that still tells apart what is asked for."""
    by_assistant = values["by"] == "assistant" or values["assistant_id"] is not None
    by_model = values["by"] == "model" or values["llm_model"] is not None
    if by_assistant:
        return "both" if by_model else "assistant"
    return "model" if by_model else "none"


def _summed(rows: list[DictRow]) -> Histograms:
    name_of = itemgetter("key", "measure")
    rows.sort(key=lambda row: (row["key"] or "", row["measure"]))
    return {
        name: sum_histograms((row["buckets"], row["counts"]) for row in group) for name, group in groupby(rows, name_of)
    }


def _latency_group(group: DictRow, histograms: Histograms) -> models.LatencyGroup:
    parts = {part: _percentiles(histograms.get((group["key"], part), {})) for part in PARTS}
    coverage = _rate(group["turns_measured"], group["turns"])
    return models.LatencyGroup.model_validate({**group, "coverage": coverage, "parts": parts})


def _interruptions_group(group: DictRow) -> models.InterruptionsGroup:
    interruptions = group["interruptions"]
    rates = {
        "per_call": _rate(interruptions, group["calls"]),
        "per_assistant_message": _rate(interruptions, group["assistant_messages"]),
    }
    return models.InterruptionsGroup.model_validate({**group, **rates})


def _calls_group(group: DictRow, histograms: Histograms) -> models.CallsGroup:
    p50, p90 = percentiles(histograms.get((group["key"], DURATION), {}), (0.5, 0.9))
    durations = models.Durations(p50=p50, p90=p90, total=group["duration_ms"])
    return models.CallsGroup.model_validate({**group, "duration_ms": durations})


def _percentiles(histogram: Histogram) -> models.Percentiles:
    p50, p90, p95, p99 = percentiles(histogram, (0.5, 0.9, 0.95, 0.99))
    return models.Percentiles(turns=sum(histogram.values()), p50=p50, p90=p90, p95=p95, p99=p99)


def _buckets(histogram: Histogram) -> list[models.Bucket]:
    bounds = ((bounds_of(bucket), histogram[bucket]) for bucket in sorted(histogram))
    return [models.Bucket(from_ms=lower, to_ms=upper, turns=turns) for (lower, upper), turns in bounds]


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None


OPERATIONS = (
    Operation(
        path="/api/analytics/latency",
        summary="Percentiles of turn latency and of each of its parts",
        query=AnalyticsQuery,
        answer=models.Latency,
        read=read_latency,
    ),
    Operation(
        path="/api/analytics/interruptions",
        summary="How often the assistant is cut short, and in what",
        query=AnalyticsQuery,
        answer=models.Interruptions,
        read=read_interruptions,
    ),
    Operation(
        path="/api/analytics/calls",
        summary="Volume, duration, cost and outcomes of calls",
        query=AnalyticsQuery,
        answer=models.CallsFigures,
        read=read_calls_figures,
    ),
)
