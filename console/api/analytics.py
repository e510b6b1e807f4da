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
from console.api.analytics_figures import (
    DURATION,
    PARTS,
    Histograms,
    buckets_of,
    calls_group,
    interruptions_group,
    latency_group,
    nothing_of,
)
from console.api.analytics_models import AnalyticsQuery
from console.api.analytics_period import period_of
from console.api.operations import Operation, PathValues
from console.services import Services
from shared.database import Connection
from shared.histograms import Histogram, sum_histograms
from shared.queries import queries

TURN_LATENCY = "turn_latency_ms"


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

    def latency_groups(self) -> list[models.LatencyGroup]:
        """Read the latencies of every group."""
        histograms = self.histograms(PARTS)
        return [latency_group(group, histograms) for group in self.groups]

    def interruption_groups(self) -> list[models.InterruptionsGroup]:
        """Tell how often the assistant was cut short in every group."""
        return [interruptions_group(group) for group in self.groups]

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
        distribution = buckets_of(asked.distribution())
        return models.Latency(**asked.about, groups=asked.latency_groups(), distribution=distribution)


def read_latency_groups(services: Services, query: AnalyticsQuery) -> list[models.LatencyGroup]:
    """Read the groups of `read_latency` alone. Raises Unprocessable."""
    with _asking(services, query) as asked:
        return asked.latency_groups()


def read_interruptions(services: Services, _: PathValues, query: AnalyticsQuery) -> models.Interruptions:
    """Read how often the assistant was cut short, and in what. Raises Unprocessable."""
    with _asking(services, query) as asked:
        texts = asked.rows("interrupted_texts", most=models.MOST_TEXTS, most_characters=models.LONGEST_TEXT_SHOWN)
        shown = [models.InterruptedText.model_validate(row) for row in texts]
        return models.Interruptions(**asked.about, groups=asked.interruption_groups(), texts=shown)


def read_interruption_groups(services: Services, query: AnalyticsQuery) -> list[models.InterruptionsGroup]:
    """Read the groups of `read_interruptions` alone, without counting texts. Raises Unprocessable."""
    with _asking(services, query) as asked:
        return asked.interruption_groups()


def read_calls_figures(services: Services, _: PathValues, query: AnalyticsQuery) -> models.CallsFigures:
    """Read how many calls there were, how long, at what cost, and how they came out. Raises Unprocessable."""
    with _asking(services, query) as asked:
        histograms = asked.histograms([DURATION])
        groups = [calls_group(group, histograms) for group in asked.groups]
        rows = asked.rows("outcomes", most=models.MOST_OUTCOMES)
        outcomes = [models.Outcome.model_validate(row) for row in rows]
        return models.CallsFigures(**asked.about, groups=groups, outcomes=outcomes)


@contextmanager
def _asking(services: Services, query: AnalyticsQuery) -> Iterator[Asked]:
    period = period_of(query.since, query.until, by_hour=query.by == "hour", now=datetime.now(UTC))
    values = {**query.model_dump(), **asdict(period)}
    with services.store.reading(of_one_moment=True) as connection:
        groups = _rows(connection, "groups", {**values, "most": models.MOST_GROUPS})
        if query.by in ("hour", "day"):
            groups.sort(key=itemgetter("key"))
        yield Asked(connection, values, groups or nothing_of(query.by))


def _rows(connection: Connection, name: str, values: Mapping[str, Any]) -> list[DictRow]:
    # As text, the arrays of a month's hours would take twice as long to read.
    return connection.execute(queries("console_analytics")[name], values, binary=True).fetchall()


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
