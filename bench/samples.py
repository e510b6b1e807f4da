"""Medians, spread and ratios of a few runs. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Figures = Mapping[str, float]
"""What one run of one arm came to: figure -> value, with the unit in the figure's name."""

Samples = Mapping[str, Mapping[str, Sequence[float]]]
"""arm -> figure -> one value a round, in the order of the rounds."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The median of some values, and the least and the greatest of them."""

    median: float
    least: float
    greatest: float

    @property
    def spread(self) -> float:
        """How far apart the values lie, as a share of the median."""
        return (self.greatest - self.least) / self.median if self.median else 0.0


def summarise(values: Sequence[float]) -> Summary:
    """Summarise the values of one figure; there must be one at least."""
    return Summary(median(values), min(values), max(values))


def percentile(values: Sequence[float], percent: float) -> float:
    """Give the smallest value that `percent` of all values do not exceed (nearest rank)."""
    rank = math.ceil(percent / 100 * len(values))
    return sorted(values)[max(rank, 1) - 1]


def ratios(values: Sequence[float], controls: Sequence[float]) -> list[float]:
    """Divide round by round, so that whatever slowed a whole round falls out."""
    return [value / control for value, control in zip(values, controls, strict=True) if control]
