"""The paper that a chart is drawn on: one for wide windows, one for phones, in units of a pixel. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from console.charts.scales import Scale, Tick, round_values

MOST_VALUES_MARKED = 5

Write = Callable[[float], str]  # how a value is written for people


@dataclass(frozen=True, slots=True)
class Frame:
    """A sheet and its margins; what is drawn lies between `left` and `right`, `top` and `bottom`."""

    name: str
    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    most_moments: int


WIDE = Frame("wide", width=960, height=300, left=64, right=908, top=14, bottom=270, most_moments=8)
NARROW = Frame("narrow", width=360, height=250, left=50, right=318, top=12, bottom=224, most_moments=4)
FRAMES = (WIDE, NARROW)


def write_value(value: float) -> str:
    """Write a round value: without decimals where it has none."""
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def value_axis(highest: float, frame: Frame, write: Write = write_value) -> tuple[Scale, tuple[Tick, ...]]:
    """Make the upright scale that holds 0 and `highest`, with its marks at round values."""
    values = round_values(highest, MOST_VALUES_MARKED)
    scale = Scale(0, values[-1], frame.bottom, frame.top)
    return scale, tuple(Tick(scale.place(value), write(value)) for value in values)
