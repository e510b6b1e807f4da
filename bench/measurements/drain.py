"""How fast is a backlog worked off, beside what a team would pick instead?"""

from collections.abc import Callable, Mapping
from functools import partial

from bench.arms.bare import BarePipeline
from bench.arms.bullmq import BullmqPipeline, why_no_bullmq
from bench.arms.celery_workers import CeleryPipeline, why_no_celery
from bench.arms.dramatiq_workers import DramatiqPipeline, why_no_dramatiq
from bench.arms.earshot import EarshotPipeline, EarshotWorkers
from bench.arms.pipeline import Pipeline
from bench.arms.rq_workers import WORKER_CLASSES, RqPipeline
from bench.comparisons import Comparison, Side
from bench.drain import Drain
from bench.plan import Arm, Plan
from bench.samples import Figures
from bench.sizes import CALL_MESSAGES, Sizes
from bench.stand import Stand
from bench.workload import backlog

RATE = "events/s"
OURS = Side("earshot", RATE)

NEXT_BEST = (Side("Dramatiq", RATE), Side("BullMQ", RATE))

COMPARISONS = (
    Comparison("drain, x the faster of Dramatiq and BullMQ", OURS, 8, controls=NEXT_BEST),
    Comparison("drain, x stock rq worker", OURS, 100, controls=(Side("rq worker", RATE),)),
    Comparison("drain, x the bare loop", OURS, 1.2, controls=(Side("bare loop", RATE),)),
    Comparison("drain, x the bare loop, msgspec", OURS, 1.2, controls=(Side("bare loop, msgspec", RATE),)),
)


def plan(stand: Stand, sizes: Sizes) -> Plan:
    """Set every pipeline that is installed to work on calls of 20 messages, three stages."""
    makers = pipelines(stand)
    skipped = missing()
    arms = [Arm(name, partial(_run, stand, make, sizes, name)) for name, make in makers.items() if name not in skipped]
    settings = {"messages a call": CALL_MESSAGES, "calls in flight": sizes.in_flight, "calls": dict(sizes.drain_calls)}
    return Plan("drain", "Drain: a backlog, three stages, two processes", arms, COMPARISONS, settings, skipped)


def pipelines(stand: Stand) -> Mapping[str, Callable[[], Pipeline]]:
    """Give what makes each pipeline, by name."""
    return {
        "earshot": partial(EarshotPipeline, stand),
        "earshot worker": partial(EarshotWorkers, stand),
        "bare loop": partial(BarePipeline, stand, "bare loop"),
        "bare loop, msgspec": partial(BarePipeline, stand, "bare loop, msgspec", "msgspec"),
        "bare loop, fused": partial(BarePipeline, stand, "bare loop, fused", lists="fused"),
        "BullMQ": partial(BullmqPipeline, stand),
        "Dramatiq": partial(DramatiqPipeline, stand),
        "Celery": partial(CeleryPipeline, stand),
        **{name: partial(RqPipeline, stand, name) for name in WORKER_CLASSES},
    }


def missing() -> dict[str, str]:
    """Say why arms cannot run, by name."""
    reasons = {"BullMQ": why_no_bullmq(), "Celery": why_no_celery(), "Dramatiq": why_no_dramatiq()}
    return {name: reason for name, reason in reasons.items() if reason}


def _run(stand: Stand, make: Callable[[], Pipeline], sizes: Sizes, name: str) -> Figures:
    return Drain(stand, make(), backlog(sizes.drain_calls[name], CALL_MESSAGES, sizes.in_flight)).run()
