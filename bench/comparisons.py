"""What a measurement is held against: another arm of the same rounds, or a fixed bound. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.samples import Samples, Summary, ratios, summarise


@dataclass(frozen=True, slots=True)
class Side:
    """One figure of one arm."""

    arm: str
    figure: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A claim: `side`, divided by the greatest of `controls` where there are any, is at least or at most `target`."""

    claim: str
    side: Side
    target: float
    is_floor: bool = True
    controls: tuple[Side, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison came to; `against` names the control that was the greatest, if any."""

    claim: str
    value: Summary
    target: float
    is_floor: bool
    against: str

    @property
    def is_met(self) -> bool:
        """Whether the median reaches the target."""
        return self.value.median >= self.target if self.is_floor else self.value.median <= self.target


def judge(comparisons: Sequence[Comparison], samples: Samples) -> list[Verdict]:
    """Judge those comparisons whose arms have run."""
    verdicts = (_judge(comparison, samples) for comparison in comparisons)
    return [verdict for verdict in verdicts if verdict]


def _judge(comparison: Comparison, samples: Samples) -> Verdict | None:
    values = _values(comparison.side, samples)
    controls = [control for control in comparison.controls if _values(control, samples)]
    if not values or (comparison.controls and not controls):
        return None
    against = ""
    if controls:
        strongest = max(controls, key=lambda control: summarise(_values(control, samples)).median)
        values, against = ratios(values, _values(strongest, samples)), strongest.arm
    return Verdict(comparison.claim, summarise(values), comparison.target, comparison.is_floor, against)


def _values(side: Side, samples: Samples) -> Sequence[float]:
    return samples.get(side.arm, {}).get(side.figure, ())
