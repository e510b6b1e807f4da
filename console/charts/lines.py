"""Lines over time, broken where there is nothing, each point a place to ask for what is behind it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.charts.frames import FRAMES, Frame, Write, value_axis, write_value
from console.charts.scales import Scale, Tick
from console.charts.times import moment_labels, round_moments

# More circles than these hide the line they lie on.
MOST_CIRCLES = 40
# What is nearer to each other than a line of text is high cannot be read.
LABEL_HEIGHT = 15
# A finger needs this much.
_NARROWEST_LINK = 4.0


@dataclass(frozen=True, slots=True)
class Point:
    """Some time, the value of each line in it (None: there is none), what it says, and where it leads."""

    since: datetime
    until: datetime
    values: tuple[float | None, ...]
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What a chart of lines is made from; `points` are in the order of time, as many values each as there are names."""

    names: tuple[str, ...]
    points: Sequence[Point]
    since: datetime
    until: datetime
    write: Write = write_value


@dataclass(frozen=True, slots=True)
class Circle:
    """A point by itself, and the number of its line."""

    line: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Column:
    """The strip of a point: it leads to what is behind the point, and tells of it."""

    x: float
    width: float
    title: str
    href: str
    circles: tuple[Circle, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its path, and its name where it ends."""

    name: str
    path: str
    label_y: float | None


@dataclass(frozen=True, slots=True)
class LineChart:
    """A chart as it is drawn on one sheet."""

    frame: Frame
    moments: tuple[Tick, ...]
    values: tuple[Tick, ...]
    lines: tuple[Line, ...]
    columns: tuple[Column, ...]
    are_links: bool


def draw_lines(plot: Plot) -> tuple[LineChart, ...]:
    """Draw a chart for every width of window."""
    return tuple(_draw(plot, frame) for frame in FRAMES)


def _draw(plot: Plot, frame: Frame) -> LineChart:
    across = Scale(plot.since.timestamp(), plot.until.timestamp(), frame.left, frame.right)
    up, values = value_axis(_highest(plot), frame, plot.write)
    columns = tuple(_columns(plot, across, up))
    return LineChart(
        frame,
        _moments(plot, across, frame),
        values,
        tuple(_lines(plot, across, up)),
        columns,
        are_links=all(column.width >= _NARROWEST_LINK for column in columns),
    )


def _highest(plot: Plot) -> float:
    return max((value for point in plot.points for value in point.values if value is not None), default=0)


def _moments(plot: Plot, across: Scale, frame: Frame) -> tuple[Tick, ...]:
    moments = round_moments(plot.since, plot.until, frame.most_moments)
    labels = moment_labels(moments)
    return tuple(Tick(across.place(at.timestamp()), label) for at, label in zip(moments, labels, strict=True))


def _lines(plot: Plot, across: Scale, up: Scale) -> Iterator[Line]:
    ends = [_last(plot, number) for number in range(len(plot.names))]
    places = spread([None if end is None else up.place(end) for end in ends], LABEL_HEIGHT, (up.end, up.start))
    for number, name in enumerate(plot.names):
        yield Line(name, _path(plot.points, number, across, up), places[number])


def _last(plot: Plot, number: int) -> float | None:
    values = (point.values[number] for point in reversed(plot.points))
    return next((value for value in values if value is not None), None)


def _path(points: Sequence[Point], number: int, across: Scale, up: Scale) -> str:
    parts: list[str] = []
    before: Point | None = None
    for point in points:
        value = point.values[number]
        if value is None:
            continue
        step = "L" if before and before.until == point.since else "M"
        parts.append(f"{step}{_middle(point, across)} {up.place(value)}")
        before = point
    return "".join(parts)


def _columns(plot: Plot, across: Scale, up: Scale) -> Iterator[Column]:
    are_few = len(plot.points) <= MOST_CIRCLES
    for place, point in enumerate(plot.points):
        x, end = across.place(point.since.timestamp()), across.place(point.until.timestamp())
        is_shown = are_few or _is_alone(plot.points, place)
        circles = tuple(_circles(point, across, up)) if is_shown else ()
        yield Column(x, round(end - x, 1), point.title, point.href, circles)


def _circles(point: Point, across: Scale, up: Scale) -> Iterator[Circle]:
    for number, value in enumerate(point.values):
        if value is not None:
            yield Circle(number, _middle(point, across), up.place(value))


def _is_alone(points: Sequence[Point], place: int) -> bool:
    follows = place > 0 and points[place - 1].until == points[place].since
    is_followed = place + 1 < len(points) and points[place].until == points[place + 1].since
    return not follows and not is_followed


def _middle(point: Point, across: Scale) -> float:
    return across.place((point.since.timestamp() + point.until.timestamp()) / 2)


def spread(places: Sequence[float | None], apart: float, within: tuple[float, float]) -> tuple[float | None, ...]:
    """Move places of an axis until each is `apart` from the next; all stay within bounds that have the room."""
    low, high = within
    # Of lines that end together, the later one is the higher percentile.
    order = sorted((at, -number) for number, at in enumerate(places) if at is not None)
    moved: dict[int, float] = {}
    for at, number in reversed(order):
        moved[-number] = high = min(at, high)
        high -= apart
    for _, number in order:
        moved[-number] = low = round(max(moved[-number], low), 1)
        low += apart
    return tuple(moved.get(number) for number in range(len(places)))
