"""Run the arms in turn, A B C A B C, so that a drift of the machine hits all of them alike."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from bench.plan import Arm
from bench.samples import Figures

Tell = Callable[[str], None]


class BenchError(Exception):
    """A run did not come to figures; the message says which and why."""


def run_rounds(
    arms: Sequence[Arm], rounds: int, tell: Tell
) -> tuple[dict[str, dict[str, list[float]]], dict[str, str]]:
    """Run every arm once a round; gives arm -> figure -> one value a round, and why an arm fell out.

    An arm that fails once is left out from then on, figures and all; the others go on.
    """
    samples: dict[str, dict[str, list[float]]] = {arm.name: defaultdict(list) for arm in arms}
    failed: dict[str, str] = {}
    for number in range(1, rounds + 1):
        for arm in arms:
            if arm.name not in failed:
                tell(f"  round {number}/{rounds}  {arm.name:<34} {_run(arm, samples, failed)}")
    return {name: dict(figures) for name, figures in samples.items() if name not in failed}, failed


def describe(figures: Figures) -> str:
    """Write figures on one line."""
    return "  ".join(f"{name} {readable(value)}" for name, value in figures.items())


def readable(value: float) -> str:
    """Write a number with three figures that say something; a large one in full."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004 - a thousand


def _run(arm: Arm, samples: Mapping[str, dict[str, list[float]]], failed: dict[str, str]) -> str:
    try:
        figures = arm.run()
    except BenchError as error:
        # The rest of the text names files of this run.
        failed[arm.name] = f"failed: {str(error).splitlines()[0]}"
        return f"failed: {error}"
    for figure, value in figures.items():
        samples[arm.name][figure].append(value)
    return describe(figures)
