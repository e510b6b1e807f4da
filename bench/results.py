"""The file of results: one a day and commit; a measurement that is run again replaces its earlier figures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.comparisons import Verdict
from bench.samples import Samples, summarise

VERSION = 1


@dataclass(frozen=True)
class Measured:
    """What one measurement came to."""

    title: str
    settings: Mapping[str, object]
    rounds: int
    samples: Samples
    verdicts: Sequence[Verdict]
    skipped: Mapping[str, str]


@dataclass(frozen=True)
class Results:
    """Everything measured on one commit on one day; `about` tells machine, versions and servers."""

    date: str
    commit: str
    about: Mapping[str, object]
    measured: Mapping[str, Measured] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """The name under which it is kept."""
        return f"{self.date}-{self.commit}.json"


def save(results: Results, directory: Path) -> Path:
    """Write the results, keeping what an earlier run of the day measured besides; gives the file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / results.file_name
    earlier = json.loads(path.read_text())["measurements"] if path.exists() else {}
    path.write_text(json.dumps(as_document(results, earlier), indent=1, ensure_ascii=False) + "\n")
    return path


def as_document(results: Results, earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Lay results out as they are written."""
    measurements = {name: _as_section(measured) for name, measured in results.measured.items()}
    return {
        "version": VERSION,
        "date": results.date,
        "commit": results.commit,
        **results.about,
        "measurements": {**earlier, **measurements},
    }


def newest(directory: Path) -> Path | None:
    """Find the newest results, by name; None where there are none."""
    return max(directory.glob("*.json"), default=None)


def gathered(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Put files of results together: the last one's facts, and of each measurement its last, with its commit."""
    measurements: dict[str, Any] = {}
    for document in documents:
        for name, section in document["measurements"].items():
            settings = {"commit": document["commit"], **section["settings"]}
            measurements[name] = {**section, "settings": settings}
    return {**documents[-1], "measurements": measurements}


def _as_section(measured: Measured) -> dict[str, Any]:
    return {
        "title": measured.title,
        "settings": dict(measured.settings),
        "rounds": measured.rounds,
        "skipped": dict(measured.skipped),
        "arms": {arm: _as_figures(figures) for arm, figures in measured.samples.items()},
        "claims": [{**asdict(verdict), "is_met": verdict.is_met} for verdict in measured.verdicts],
    }


def _as_figures(figures: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    return {name: _as_figure(values) for name, values in figures.items()}


def _as_figure(values: Sequence[float]) -> dict[str, Any]:
    rounded = [_rounded(value) for value in values]
    summary = summarise(rounded)
    return {"median": summary.median, "least": summary.least, "greatest": summary.greatest, "values": rounded}


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")
