"""Histograms whose buckets grow by a factor, so that any percentile of any sum of them is as exact. Pure.

Bucket 0 holds zeros, bucket 1 what is above 0 and below 1, each further one reaches 5 % further; a negative bucket is
the mirror image of the positive one, for latencies below zero are normal. `make_hour_histograms` in
shared/sql/queries/sums.sql sorts values in.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate
from math import ceil

# The middle of a bucket is at most this far from what fell into it, for values of 1 and more.
RELATIVE_ERROR = 0.025
GROWTH = 1 + 2 * RELATIVE_ERROR

Histogram = Mapping[int, int]  # bucket to how many fell into it


def sum_histograms(histograms: Iterable[tuple[Iterable[int], Iterable[int]]]) -> Counter[int]:
    """Add histograms up, each told as its buckets and, in the same order, their counts."""
    total: Counter[int] = Counter()
    for buckets, counts in histograms:
        total.update(dict(zip(buckets, counts, strict=True)))
    return total


def bounds_of(bucket: int) -> tuple[float, float]:
    """Tell between which values a bucket lies; the bound that is nearer to zero belongs to it."""
    if bucket < 0:
        lower, upper = bounds_of(-bucket)
        return -upper, -lower
    return _reach_of(bucket - 1), _reach_of(bucket)


def percentiles(histogram: Histogram, shares: Iterable[float]) -> list[float | None]:
    """Tell for each share, above 0 and up to 1, the value that this share of all does not exceed; None without any."""
    if not histogram:
        return [None for _ in shares]
    buckets = sorted(histogram)
    reached = list(accumulate(histogram[bucket] for bucket in buckets))
    return [_middle_of(buckets[bisect_left(reached, ceil(share * reached[-1]))]) for share in shares]


def _reach_of(bucket: int) -> float:
    return 0.0 if bucket < 1 else GROWTH ** (bucket - 1)


def _middle_of(bucket: int) -> float:
    return sum(bounds_of(bucket)) / 2
