"""What a scenario came to, and the table of all."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table

COLUMNS = ("scenario", "arm", "points", "acknowledged", "lost", "doubled", "wrong", "unsettled", "seconds")
MOST_NOTES = 5


@dataclass(slots=True)
class Verdict:
    """One scenario on one arm.

    `points` counts the places of faults, of which a run passed `unstruck` without coming by. Events of a stage are
    `acknowledged`, `dead` in the list of failed jobs, `unsettled` when the time for the recovery was over; all others
    must be stored. Calls are `lost` where rows lack, `doubled` where there are too many (or a job is there twice),
    `wrong` where rows differ from those of the run without faults. `seconds` is the
    longest recovery. `may_lose` is for what nobody promised to keep.
    """

    scenario: str
    arm: str = "earshot"
    points: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    dead: int = 0
    unsettled: int = 0
    unstruck: int = 0
    seconds: float = 0.0
    may_lose: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Nothing lost, doubled, wrong, or left."""
        lost = 0 if self.may_lose else self.lost
        return not (lost or self.doubled or self.wrong or self.unsettled)

    def note(self, text: str) -> None:
        """Say something about it that the counts do not say."""
        self.notes.append(text)

    def as_json(self) -> dict[str, Any]:
        """Write it for a file."""
        return asdict(self)


def verdicts_table(verdicts: Iterable[Verdict], progress: str = "") -> Table:
    """Show the verdicts so far, and what is being done."""
    table = Table(title="Faults", title_justify="left", caption=progress, caption_justify="left")
    for name in (*COLUMNS, ""):
        table.add_column(name, justify="left" if name in ("scenario", "arm", "") else "right")
    for verdict in verdicts:
        table.add_row(*_cells(verdict), style="" if verdict.is_clean or verdict.arm != "earshot" else "red")
    return table


def _cells(verdict: Verdict) -> Sequence[str]:
    counts = [str(getattr(verdict, name)) for name in COLUMNS[2:-1]]
    shown = [*verdict.notes[:MOST_NOTES], *(["..."] if len(verdict.notes) > MOST_NOTES else [])]
    dead = [f"{verdict.dead} dead letters"] if verdict.dead else []
    return [verdict.scenario, verdict.arm, *counts, f"{verdict.seconds:.1f}", "; ".join([*dead, *shown])]
