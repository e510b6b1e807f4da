"""A histogram of durations, with a line where slow begins. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from console.charts.frames import FRAMES, Frame, value_axis, write_value
from console.charts.scales import Scale, Tick, round_step

MOST_BINS = 40
# One turn in two hundred may lie so far out that the rest would be a needle: these share the last bar.
_SHOWN_SHARE = 0.995


@dataclass(frozen=True, slots=True)
class Bin:
    """How many turns took from `low` up to `high` ms; `high` is None where they took any longer time."""

    low: float
    high: float | None
    turns: float


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
    """A histogram as it is drawn on one sheet; `slow_x` is None where slow lies beyond it."""

    frame: Frame
    durations: tuple[Tick, ...]
    values: tuple[Tick, ...]
    columns: tuple[Column, ...]
    slow_x: float | None

    @property
    def is_label_left(self) -> bool:
        """Whether what is written at the line has no room to the right of it."""
        return self.slow_x is not None and self.slow_x > (self.frame.left + self.frame.right) / 2


def draw_histogram(bins: Sequence[Bin], slow_ms: float) -> tuple[Histogram, ...]:
    """Draw the histogram of some bins, in ascending order, for every width of window."""
    even = even_bins(bins, slow_ms)
    return tuple(_draw(even, slow_ms, frame) for frame in FRAMES)


def even_bins(bins: Sequence[Bin], slow_ms: float) -> tuple[Bin, ...]:
    """Share turns out among bins of one round width; the last takes all that is longer than nearly everything else.

    Slow begins where a bin begins, as far as a round width allows. Inside a bin that is divided, turns are taken to
    lie evenly.
    """
    if not bins:
        return ()
    end = max(_end_of_most(bins), slow_ms)
    width = round_step(end, MOST_BINS)
    number = -(-end // width)
    counts = [0.0] * (int(number) + 1)
    for part in bins:
        for place, turns in _shares(part, width, len(counts)):
            counts[place] += turns
    return _without_empty_end(
        [Bin(place * width, (place + 1) * width, turns) for place, turns in enumerate(counts[:-1])],
        Bin(number * width, None, counts[-1]),
    )


def _without_empty_end(bins: list[Bin], last: Bin) -> tuple[Bin, ...]:
    return (*bins, last) if last.turns else tuple(bins)


def _end_of_most(bins: Sequence[Bin]) -> float:
    wanted = sum(part.turns for part in bins) * _SHOWN_SHARE
    seen = 0.0
    for part in bins:
        seen += part.turns
        if seen >= wanted:
            return part.low if part.high is None else part.high
    return bins[-1].low


def _shares(part: Bin, width: float, number: int) -> Iterator[tuple[int, float]]:
    """Divide the turns of a bin among the even ones, the last of which has no end."""
    low, high = max(part.low, 0), part.high
    last = number - 1
    if high is None or high <= low:
        yield min(int(low // width), last), part.turns
        return
    for place in range(min(int(low // width), last), min(int(-(-high // width)), number)):
        begin, end = max(low, place * width), high if place == last else min(high, (place + 1) * width)
        yield place, part.turns * max(end - begin, 0) / (high - low)


def _draw(bins: Sequence[Bin], slow_ms: float, frame: Frame) -> Histogram:
    end = _edge(bins)
    across = Scale(0, end, frame.left, frame.right)
    up, values = value_axis(max((part.turns for part in bins), default=0), frame, 4)
    step = round_step(end, frame.most_moments)
    marks = tuple(
        Tick(across.place(number * step), write_value(number * step)) for number in range(int(end // step + 1e-9) + 1)
    )
    columns = tuple(_column(part, across, up, slow_ms) for part in bins)
    return Histogram(frame, marks, values, columns, across.place(slow_ms) if slow_ms <= end else None)


def _edge(bins: Sequence[Bin]) -> float:
    if not bins:
        return 1
    last = bins[-1]
    return last.high if last.high is not None else last.low + (bins[0].high or 1)


def _column(part: Bin, across: Scale, up: Scale, slow_ms: float) -> Column:
    x, y = across.place(part.low), up.place(part.turns)
    end = across.end if part.high is None else across.place(part.high)
    title = f"{_range(part)}: {part.turns:,.0f} turn{'' if round(part.turns) == 1 else 's'}"
    return Column(x, y, round(max(end - x - 1, 0.5), 1), round(up.start - y, 1), part.low >= slow_ms, title)


def _range(part: Bin) -> str:
    if part.high is None:
        return f"{part.low:,.0f} ms and longer"
    return f"{part.low:,.0f} to {part.high:,.0f} ms"
