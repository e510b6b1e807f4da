"""Scales: where a value is drawn, and the round values that are marked on an axis. Pure."""

import math
from dataclasses import dataclass

_ROUND = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight scale: `low` is drawn at `start`, `high` at `end`."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """Say where a value is drawn, to a tenth of a unit."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis, and what is written beside it."""

    place: float
    label: str


def round_step(range_of_values: float, most: int) -> float:
    """Choose the smallest of 1, 2 and 5 times a power of ten that passes a range in at most `most` steps."""
    least = range_of_values / most
    magnitude = 10.0 ** math.floor(math.log10(least))
    # What is a hair above a round number by the arithmetic of computers is that number.
    return next(factor * magnitude for factor in _ROUND if factor * magnitude >= least * (1 - 1e-9))


def round_values(highest: float, most: int) -> tuple[float, ...]:
    """Choose round values from 0 to the first not below `highest`, at most `most` steps; 0 and 1 for nothing."""
    if highest <= 0:
        return (0.0, 1.0)
    step = round_step(highest, most)
    steps = math.ceil(highest / step - 1e-9)
    return tuple(round(number * step, 10) for number in range(steps + 1))
