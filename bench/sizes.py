"""How much is measured: in a few minutes, in less for a look, in more for the record. Every load is bounded here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

# Calls that are under way at the same time: a backlog holds their events in turn, as they would have come in.
CALLS_IN_FLIGHT = 50
CALL_MESSAGES = 20


@dataclass(frozen=True)
class Sizes:
    """Counts and times of one run of an arm."""

    in_flight: int = CALLS_IN_FLIGHT
    drain_calls: Mapping[str, int] = field(
        default_factory=lambda: {
            "earshot": 400,
            "earshot worker": 400,
            "bare loop": 400,
            "bare loop, msgspec": 400,
            "bare loop, fused": 400,
            "BullMQ": 60,
            "Dramatiq": 60,
            "Celery": 25,
            "SimpleWorker": 15,
            "rq worker": 3,
        }
    )
    connections: int = 32
    load_seconds: int = 2
    growth_messages: tuple[int, ...] = (5, 20, 60, 200)
    growth_events: int = 4000
    latency_seconds: float = 5.0
    latency_probe_events: int = 1500
    waiting_events: int = 2000
    flat_events: int = 10_000
    scaling_calls: int = 4500


STANDARD = Sizes()
QUICK = replace(
    STANDARD,
    drain_calls={name: max(1, calls // 10) for name, calls in STANDARD.drain_calls.items()},
    load_seconds=1,
    growth_events=600,
    latency_seconds=2.0,
    latency_probe_events=200,
    waiting_events=200,
    flat_events=2000,
    scaling_calls=4500,
)
FULL = replace(STANDARD, load_seconds=5, latency_seconds=20.0, flat_events=100_000)

SIZES = {"quick": QUICK, "standard": STANDARD, "full": FULL}
