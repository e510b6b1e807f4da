"""From sums and histograms to the figures that analytics answer with. Pure."""

from collections import Counter
from collections.abc import Mapping

from psycopg.rows import DictRow

from console.api import analytics_models as models
from shared.histograms import Histogram, bounds_of, percentiles

DURATION = "duration_ms"
PARTS = tuple(models.Parts.model_fields)
# From here on a tenth of a millisecond is beyond what anybody can tell.
WHOLE_FROM_MS = 100

Histograms = Mapping[tuple[str | None, str], Histogram]  # of each group's key and measure


def nothing_of(by: models.By) -> list[DictRow]:
    """All calls together are a group even where there is none."""
    names = ("calls", "ended", "failed", "interrupted_calls", "interruptions", "assistant_messages")
    sums = ("turns", "turns_measured", "duration_ms", "total_cost")
    return [{"key": None, **dict.fromkeys((*names, *sums), 0)}] if by == "none" else []


def latency_group(group: DictRow, histograms: Histograms) -> models.LatencyGroup:
    """Tell of the latencies of a group."""
    parts = {part: _percentiles(histograms.get((group["key"], part), {})) for part in PARTS}
    coverage = _rate(group["turns_measured"], group["turns"])
    return models.LatencyGroup.model_validate({**group, "coverage": coverage, "parts": parts})


def interruptions_group(group: DictRow) -> models.InterruptionsGroup:
    """Tell how often the assistant was cut short in a group."""
    interruptions = group["interruptions"]
    rates = {
        "per_call": _rate(interruptions, group["calls"]),
        "per_assistant_message": _rate(interruptions, group["assistant_messages"]),
    }
    return models.InterruptionsGroup.model_validate({**group, **rates})


def calls_group(group: DictRow, histograms: Histograms) -> models.CallsGroup:
    """Tell of volume, duration and cost of a group."""
    p50, p90 = _rounded_percentiles(histograms.get((group["key"], DURATION), {}), 0.5, 0.9)
    durations = models.Durations(p50=p50, p90=p90, total=group["duration_ms"])
    return models.CallsGroup.model_validate({**group, "duration_ms": durations})


def buckets_of(histogram: Histogram) -> list[models.Bucket]:
    """Tell how often which values came out, from the lowest on; zeros are counted with what is below one."""
    counts: Counter[int] = Counter()
    for bucket, turns in histogram.items():
        counts[bucket or 1] += turns
    bounds = ((bounds_of(bucket), counts[bucket]) for bucket in sorted(counts))
    return [
        models.Bucket(from_ms=round(lower, 3), to_ms=round(upper, 3), turns=turns) for (lower, upper), turns in bounds
    ]


def _percentiles(histogram: Histogram) -> models.Percentiles:
    p50, p90, p95, p99 = _rounded_percentiles(histogram, 0.5, 0.9, 0.95, 0.99)
    return models.Percentiles(turns=sum(histogram.values()), p50=p50, p90=p90, p95=p95, p99=p99)


def _rounded_percentiles(histogram: Histogram, *shares: float) -> list[float | None]:
    exact = percentiles(histogram, shares)
    return [None if value is None else round(value, 0 if abs(value) >= WHOLE_FROM_MS else 1) for value in exact]


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None
