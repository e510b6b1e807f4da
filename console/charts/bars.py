"""Horizontal bars of one table: all to one scale, drawn inside its cells. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from console.charts.scales import Scale

# The width of a cell's drawing, which is stretched to that of the cell.
FULL = 100.0


@dataclass(frozen=True, slots=True)
class Bar:
    """How far a bar reaches, of FULL: its solid part and its light part, which is at least as long."""

    solid: float
    light: float


def draw_bars(pairs: Sequence[tuple[float | None, float | None]]) -> tuple[Bar | None, ...]:
    """Draw a bar for each pair of a usual and a high value; None where there is neither."""
    highest = max((value for pair in pairs for value in pair if value is not None), default=0)
    scale = Scale(0, max(highest, 1), 0, FULL)
    return tuple(_bar(usual, high, scale) for usual, high in pairs)


def _bar(usual: float | None, high: float | None, scale: Scale) -> Bar | None:
    if usual is None and high is None:
        return None
    # Some parts are negative: clocks of two machines.
    solid = max(scale.place(usual or 0), 0)
    return Bar(solid, max(scale.place(high or 0), solid))
