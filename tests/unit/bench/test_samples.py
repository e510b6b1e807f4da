"""Medians, spread and ratios."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.samples import percentile, ratios, summarise


def test_a_summary_tells_the_middle_and_the_ends():
    """The median does not move with one outlier; the ends show it."""
    summary = summarise([10, 9, 100, 11, 10])

    assert (summary.median, summary.least, summary.greatest) == (10, 9, 100)
    assert summary.spread == pytest.approx(9.1)


def test_the_spread_of_nothing_but_zeros_is_zero():
    """A figure that is 0 throughout, such as deadlocks, has no spread to divide by."""
    assert summarise([0, 0]).spread == 0


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (50, 50), (99, 99), (100, 100)])
def test_a_percentile_is_a_value_that_occurred(percent, expected):
    """Nearest rank: of 1 to 100, the 99th percentile is 99."""
    assert percentile(list(range(100, 0, -1)), percent) == expected


@given(st.lists(st.floats(0, 1000), min_size=1), st.floats(0, 100))
def test_no_more_than_its_share_lies_above_a_percentile(values, percent):
    """Whatever the values, at most (100 - p) % of them exceed the p-th percentile."""
    above = sum(value > percentile(values, percent) for value in values)

    assert above <= len(values) * (100 - percent) / 100 + 1e-6


def test_ratios_are_taken_round_by_round():
    """A round in which everything was half as fast leaves the ratio as it is."""
    assert ratios([400, 200, 400], [100, 50, 100]) == [4, 4, 4]
