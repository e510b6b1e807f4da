"""Histograms: any percentile is as exact as promised, and adding up loses nothing."""

from math import ceil, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.histograms import GROWTH, RELATIVE_ERROR, bounds_of, percentiles, sum_histograms

values = st.lists(st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) >= 1), min_size=1)
shares = st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99, 1.0])


def bucket_of(value: float) -> int:
    """Find the bucket that says it holds a value, by looking through them."""
    bucket, side = 0, 1 if value >= 0 else -1
    while bounds_of(bucket)[1] <= abs(value) and value:
        bucket += 1
    return side * bucket


def histogram_of(numbers: list[float]) -> dict[int, int]:
    buckets = [bucket_of(number) for number in numbers]
    return {bucket: buckets.count(bucket) for bucket in buckets}


@given(values, shares)
def test_a_percentile_is_as_exact_as_promised(numbers, share):
    """It differs from the exact one, found by sorting, by no more than the promised part."""
    exact = sorted(numbers)[ceil(share * len(numbers)) - 1]
    (told,) = percentiles(histogram_of(numbers), [share])
    assert told == pytest.approx(exact, rel=RELATIVE_ERROR + 1e-9)


@given(st.lists(values, min_size=1, max_size=4))
def test_sums_are_those_of_all_values_together(parts):
    """Histograms of parts, added up in any number, are that of the whole."""
    told = [(list(histogram), list(histogram.values())) for histogram in map(histogram_of, parts)]
    assert sum_histograms(told) == histogram_of([number for part in parts for number in part])


def test_buckets_follow_each_other_without_a_gap():
    """Each begins where the one before ends, from below zero to above, and each is the given part wider."""
    bounds = [bounds_of(bucket) for bucket in range(-300, 301)]
    assert [upper for _, upper in bounds[:-1]] == [lower for lower, _ in bounds[1:]]
    assert bounds_of(0) == (0, 0)
    assert bounds_of(1) == (0, 1)
    assert bounds_of(2) == (1, GROWTH)
    assert bounds_of(-2) == (-GROWTH, -1)


def test_zero_and_the_smallest_are_told_apart():
    """Zero is exactly zero; what is less than one millisecond is at most half of one off."""
    assert percentiles({0: 3}, [0.5]) == [0.0]
    assert percentiles({1: 1}, [0.5]) == [0.5]


def test_nothing_has_no_percentiles():
    """Without any value there is none to tell, and that is not zero."""
    assert percentiles({}, [0.5, 0.9]) == [None, None]


def test_the_largest_bucket_is_a_number():
    """What a smallint's worth of buckets reaches is still finite."""
    assert bounds_of(14_160)[1] < inf
