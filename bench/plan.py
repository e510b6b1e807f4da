"""What a measurement is made of: arms to run in turn, and the claims to judge afterwards."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.comparisons import Comparison
from bench.samples import Figures


@dataclass(frozen=True)
class Arm:
    """One of the contenders; each call of `run` is one run, from clean servers to figures."""

    name: str
    run: Callable[[], Figures]


@dataclass(frozen=True)
class Plan:
    """One measurement. `skipped` says why an arm is missing; `settings` goes into the results as it is."""

    name: str
    title: str
    arms: Sequence[Arm]
    comparisons: Sequence[Comparison]
    settings: Mapping[str, object]
    skipped: Mapping[str, str] = field(default_factory=dict)
