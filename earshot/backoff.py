"""How long to wait before a program that ended is started again. Pure."""

from dataclasses import dataclass

HEALTHY_SECONDS = 10.0
DELAYS_SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Backoff:
    """How often in a row a program has ended soon after its start."""

    short_runs: int = 0

    @property
    def delay_seconds(self) -> float:
        """Tell how long to wait for the next start: nothing at first, some seconds for one that keeps dying."""
        return DELAYS_SECONDS[min(max(self.short_runs - 1, 0), len(DELAYS_SECONDS) - 1)]

    def after(self, lived_seconds: float) -> "Backoff":
        """Count one more end; a run that was long enough to be healthy starts the count anew."""
        return Backoff(1 if lived_seconds >= HEALTHY_SECONDS else self.short_runs + 1)
