"""A histogram of durations in buckets that widen with them, with a line where slow begins. Pure.

The buckets are drawn as they were counted, each with its whole turns. They widen by a factor, and so does the axis:
every bar has the same width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

from console.charts.frames import FRAMES, Frame, Write, value_axis
from console.charts.scales import Scale, Tick

# One turn in two hundred may lie so far out that the rest would be a needle: at each end these share a bar.
_SHARED_SHARE = 0.005
# Nothing shorter is worth a bar of its own; zero and less have no place on an axis that widens.
_SHORTEST_MS = 10.0
# How far a bar reaches that has no end.
_STEP = 1.05
_ROUND = ((1, 1.5, 2, 3, 4, 5, 7), (1, 2, 5), (1, 3), (1,))
# A few bars alone are not to fill the sheet.
_MARGIN = 1.25


@dataclass(frozen=True, slots=True)
class Bin:
    """How many turns took from `low` up to `high` ms; None where they took any shorter, or any longer time."""

    low: float | None
    high: float | None
    turns: int


@dataclass(frozen=True, slots=True)
class Column:
    """A bar, whether what it counts is slow, and what it says."""

    x: float
    y: float
    width: float
    height: float
    is_slow: bool
    title: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram as it is drawn on one sheet; `slow_x` is where slow begins."""

    frame: Frame
    durations: tuple[Tick, ...]
    values: tuple[Tick, ...]
    columns: tuple[Column, ...]
    slow_x: float

    @property
    def is_label_left(self) -> bool:
        """Whether what is written at the line has no room to the right of it."""
        return self.slow_x > (self.frame.left + self.frame.right) / 2


@dataclass(frozen=True, slots=True)
class Axis:
    """The axis of durations, which widens as the buckets do, from `first_ms` to `last_ms`."""

    first_ms: float
    last_ms: float
    frame: Frame

    def place(self, milliseconds: float) -> float:
        """Say where a duration is drawn; what is beyond the axis is at its end."""
        within = min(max(milliseconds, self.first_ms), self.last_ms)
        return Scale(log10(self.first_ms), log10(self.last_ms), self.frame.left, self.frame.right).place(log10(within))

    def marks(self, write: Write) -> tuple[Tick, ...]:
        """Mark round durations, as many as there is room for."""
        for factors in _ROUND:
            found = self._round(factors)
            if len(found) <= self.frame.most_moments:
                break
        every = max(1, -(-len(found) // self.frame.most_moments))
        return tuple(Tick(self.place(value), write(value)) for value in found[::every])

    def _round(self, factors: Sequence[float]) -> list[float]:
        powers = range(floor(log10(self.first_ms)), floor(log10(self.last_ms)) + 1)
        values = [factor * 10.0**power for power in powers for factor in factors]
        return [value for value in values if self.first_ms <= value <= self.last_ms]


def draw_histogram(bins: Sequence[Bin], slow_ms: float, write: Write) -> tuple[Histogram, ...]:
    """Draw the histogram of some bins, in ascending order, for every width of window; `write` writes a duration."""
    shown = share_ends(bins)
    return tuple(_draw(shown, slow_ms, frame, write) for frame in FRAMES)


def share_ends(bins: Sequence[Bin]) -> tuple[Bin, ...]:
    """Put the few turns that took far shorter, or far longer, than nearly all others into one bin at each end."""
    few = int(sum(part.turns for part in bins) * _SHARED_SHARE)
    first = max(_most_of(bins, few), sum((part.low or 0) < _SHORTEST_MS for part in bins))
    last = max(len(bins) - _most_of(bins[::-1], few), first)
    return (*_shared(bins[:first]), *bins[first:last], *_shared(bins[last:], are_long=True))


def _most_of(bins: Sequence[Bin], few: int) -> int:
    """Count the bins from the beginning that hold no more than a few turns, if they are more than one."""
    number, turns = 0, 0
    while number < len(bins) and turns + bins[number].turns <= few:
        turns += bins[number].turns
        number += 1
    return number if number > 1 else 0


def _shared(bins: Sequence[Bin], *, are_long: bool = False) -> tuple[Bin, ...]:
    if not bins:
        return ()
    turns = sum(part.turns for part in bins)
    return (Bin(bins[0].low, None, turns) if are_long else Bin(None, max(bins[-1].high or 0, _SHORTEST_MS), turns),)


def _draw(bins: Sequence[Bin], slow_ms: float, frame: Frame, write: Write) -> Histogram:
    axis = _axis(bins, slow_ms, frame)
    up, values = value_axis(max((part.turns for part in bins), default=0), frame)
    columns = tuple(_column(part, axis, up, slow_ms) for part in bins)
    # Half a turn is none.
    marked = tuple(tick for tick in values if tick.label.replace(",", "").isdigit())
    return Histogram(frame, axis.marks(write), marked, columns, axis.place(slow_ms))


def _axis(bins: Sequence[Bin], slow_ms: float, frame: Frame) -> Axis:
    ends = [end for part in bins for end in _ends(part)]
    return Axis(min([slow_ms, *ends]) / _MARGIN, max([slow_ms, *ends]) * _MARGIN, frame)


def _ends(part: Bin) -> tuple[float, float]:
    """Tell between which durations a bin is drawn."""
    if part.low is None:
        return (part.high or _SHORTEST_MS) / _STEP, part.high or _SHORTEST_MS
    return part.low, part.low * _STEP if part.high is None else part.high


def _column(part: Bin, axis: Axis, up: Scale, slow_ms: float) -> Column:
    low, high = _ends(part)
    x, y = axis.place(low), up.place(part.turns)
    width, height = round(max(axis.place(high) - x - 1, 0.5), 1), round(up.start - y, 1)
    title = f"{_range(part)}: {part.turns:,} turn{'' if part.turns == 1 else 's'}"
    return Column(x, y, width, height, low >= slow_ms, title)


def _range(part: Bin) -> str:
    if part.low is None:
        return f"less than {part.high:,.0f} ms"
    return f"{part.low:,.0f} ms and longer" if part.high is None else f"{part.low:,.0f} to {part.high:,.0f} ms"
