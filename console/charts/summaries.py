"""What a chart says, in words: for whoever hears it instead of seeing it. Pure."""

from console.charts.frames import Write
from console.charts.lines import Plot


def summarize(plot: Plot, number: int, write: Write) -> str:
    """Say between which values a line of a plot moves, and when it is highest."""
    found = [(value, point.since) for point in plot.points if (value := point.values[number]) is not None]
    if not found:
        return "There are no values."
    lowest, (highest, at) = min(found)[0], max(found)
    subject = plot.names[number] or "It"
    return (
        f"{subject} moves between {write(lowest)} and {write(highest)}, "
        f"and is highest at {at:%H:%M} on {at.day} {at:%B} (UTC)."
    )
