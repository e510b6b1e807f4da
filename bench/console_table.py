"""The answers of the console as a table, for the terminal and for a page. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from bench.console_arms import CONTROL, EXPORT, LATE, MEDIAN, MOST
from bench.figures_page import table
from bench.rounds import readable

HEAD = ("question", "median ms", "p95 ms", "max ms", "target", "", "control: median ms")

Section = Mapping[str, Any]


def answers_table(section: Section) -> Table:
    """Show all answers; what was not answered, with the reason; and the export."""
    title = f"{section['title']} ({section['rounds']} rounds)"
    shown = Table(title=title, title_justify="left", caption=export_line(section), caption_justify="left")
    for place, name in enumerate(HEAD):
        shown.add_column(name, justify="right" if 0 < place < 5 or place == 6 else "left")  # noqa: PLR2004
    for row in rows(section):
        shown.add_row(*row)
    return shown


def answers_page(section: Section) -> str:
    """Write the same in Markdown."""
    counted = ", ".join(f"{number:,} {name}" for name, number in section["settings"]["rows"].items())
    seconds = section["settings"].get("seconds to make them")
    made = f"; made in {seconds} s" if seconds else ""
    head = f"{section['rounds']} rounds. Rows: {counted}{made}."
    return "\n\n".join((head, table(HEAD, rows(section)), export_line(section)))


def rows(section: Section) -> Sequence[Sequence[str]]:
    """Give a row for each question: the median over the rounds, and the longest of all."""
    arms, claims = section["arms"], {claim["claim"]: claim for claim in section["claims"]}
    answered = [_row(name, arms, claims[name]) for name in arms if name in claims]
    skipped = section["skipped"].items()
    failed = [(name, "", "", "", "", reason, "") for name, reason in skipped if not name.startswith(CONTROL)]
    return [*answered, *failed]


def export_line(section: Section) -> str:
    """Tell of the export in a sentence."""
    figures = section["arms"].get(EXPORT)
    if not figures:
        return ""
    told = ", ".join(f"{name}: {readable(figure['median'])}" for name, figure in figures.items())
    return f"{EXPORT[0].upper()}{EXPORT[1:]}: {told}."


def _row(name: str, arms: Section, claim: Section) -> Sequence[str]:
    figures = arms[name]
    control = arms.get(CONTROL + name)
    return (
        name,
        readable(figures[MEDIAN]["median"]),
        readable(figures[LATE]["median"]),
        readable(figures[MOST]["greatest"]),
        f"≤ {readable(claim['target'])}",
        "met" if claim["is_met"] else "MISSED",
        readable(control[MEDIAN]["median"]) if control else "",
    )
