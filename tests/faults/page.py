"""`python -m tests.faults.page`: put the newest results of `make faults` into docs/explanation/reliability.md."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.figures_page import filled, table
from shared.stages import QUEUES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "reliability.md"
RESULTS = Path(__file__).parent / "results"
COUNTS = ("points", "acknowledged", "lost", "doubled", "wrong", "dead", "unsettled")
HEAD = ("scenario", "arm", "points", "acknowledged", "lost", "doubled", "wrong", "dead letters", "unsettled", "seconds")

Json = dict[str, Any]


def main() -> None:
    """Fill the page."""
    newest = max(RESULTS.glob("*.json"))
    PAGE.write_text(filled(PAGE.read_text(), "faults", figures(json.loads(newest.read_text()))))


def figures(told: Json) -> str:
    """Write the verdicts as a table, the sweeps of all stages in one line."""
    rows = [_row(verdict) for verdict in together(told["verdicts"])]
    return f"`make faults` with seed {told['seed']}:\n\n{table(HEAD, rows)}"


def together(verdicts: Iterable[Json]) -> list[Json]:
    """Add up the verdicts that differ in nothing but the stage."""
    added: dict[tuple[str, str], Json] = {}
    for verdict in verdicts:
        name = " ".join(word for word in verdict["scenario"].split() if word not in QUEUES)
        first = added.setdefault((name, verdict["arm"]), {**verdict, "scenario": name, **dict.fromkeys(COUNTS, 0)})
        for count in COUNTS:
            first[count] += verdict[count]
        first["seconds"] = max(first["seconds"], verdict["seconds"])
    return list(added.values())


def _row(verdict: Json) -> Sequence[str]:
    counts = [f"{verdict[count]:,}" for count in COUNTS]
    return [verdict["scenario"], verdict["arm"], *counts, f"{verdict['seconds']:.0f}"]


if __name__ == "__main__":
    main()
