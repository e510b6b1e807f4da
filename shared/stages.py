"""Which event goes to which stages: the one table to change when a stage is added.

Pure. A stage is named once here; its module is `workers/<stage>.py`, its queue bears its name, and its Procfile line
starts `earshot worker <stage>`.
"""

from collections.abc import Mapping
from types import MappingProxyType

STAGES = ("transcripts", "metrics", "interruptions", "lifecycle", "sentiment")
QUARANTINE = "quarantine"
# Where notices of alerts go; each has a queue of its own, and no event that comes from outside is routed there.
CHANNELS = ("webhook", "slack", "email")
QUEUES = (*STAGES, QUARANTINE, *CHANNELS)

ROUTES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "conversation-update": ("transcripts", "metrics", "interruptions", "sentiment"),
        "status-update": ("lifecycle",),
        "end-of-call-report": ("lifecycle", "transcripts", "metrics", "interruptions", "sentiment"),
        "hang": ("lifecycle",),
        "error": ("lifecycle",),
    }
)

# These carry the conversation so far now and then; only then is there anything to transcribe.
CARRYING_ROUTES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"hang": ("lifecycle", "transcripts"), "error": ("lifecycle", "transcripts")}
)


def stages_for(event_type: str, *, carries_messages: bool) -> tuple[str, ...]:
    """Name the stages an event passes, in no particular order; empty for a type that is not known."""
    if carries_messages and event_type in CARRYING_ROUTES:
        return CARRYING_ROUTES[event_type]
    return ROUTES.get(event_type, ())


def task_name(stage: str) -> str:
    """Name the function RQ runs for a stage: one of the few that a job may name at all."""
    return f"workers.tasks.{stage}"


TASK_NAMES = frozenset(task_name(queue) for queue in QUEUES)
