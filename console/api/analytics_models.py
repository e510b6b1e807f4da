"""What analytics are asked by, and what they answer."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from console.api.operations import Moment, Query, Row, Text
from shared.histograms import RELATIVE_ERROR

By = Literal["none", "assistant", "model", "hour", "day"]

MOST_GROUPS = 100
MOST_TEXTS = 20
LONGEST_TEXT_SHOWN = 200
MOST_OUTCOMES = 20


class AnalyticsQuery(Query):
    """Which calls, and by what they are told apart; a call counts where it began."""

    since: Moment | None = Field(default=None, description="rounded down to the hour; by default a week ago")
    until: Moment | None = Field(default=None, description="rounded up to the hour; by default now")
    assistant_id: Text | None = None
    llm_model: Text | None = None
    by: By = Field(
        default="none", description=f"up to {MOST_GROUPS} assistants or models, those with most calls; 31 days by hour"
    )


class Group(Row):
    """Calls that have something in common, which `key` names."""

    key: str | None = Field(description="an id, empty where it is not known; or an hour or day, UTC; null for all")
    calls: int = 0


class Analytics(Row):
    """What every answer tells beside its figures."""

    since: datetime
    until: datetime
    by: By
    as_of: datetime | None = Field(description="every change before is in the figures; null before anything is")


class Percentiles(Row):
    """How long something took: the time that so many percent of turns did not exceed, null without any.

    Rounded to whole milliseconds; below 100 to tenths.
    """

    turns: int
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None


class Parts(Row):
    """Turn latency and what it consists of. `tts_ms` is that of fresh speech; what came from a cache is apart."""

    turn_latency_ms: Percentiles
    eou_ms: Percentiles
    eou_queue_ms: Percentiles
    llm_queue_ms: Percentiles
    llm_ms: Percentiles
    tts_queue_ms: Percentiles
    tts_ms: Percentiles
    tts_cached_ms: Percentiles
    remainder_ms: Percentiles


class LatencyGroup(Group):
    """The latencies of some calls. `coverage` is how many of the turns are measured, 0 to 1."""

    turns: int
    turns_measured: int
    coverage: float | None
    parts: Parts


class Bucket(Row):
    """How many turns took `from_ms` or longer, and less than `to_ms`; below zero the bound nearer to it belongs to it.

    The one that begins at zero reaches up to one, each further one 5 % further.
    """

    from_ms: float
    to_ms: float
    turns: int


class Latency(Analytics):
    """Latencies; before it is rounded a percentile is at most `relative_error` off, or half a millisecond below one."""

    relative_error: float = RELATIVE_ERROR
    groups: list[LatencyGroup]
    distribution: list[Bucket] = Field(description="of turn_latency_ms over all groups, ascending; empty ones left out")


class InterruptionsGroup(Group):
    """How often the assistant was cut short in some calls."""

    interrupted_calls: int
    interruptions: int
    assistant_messages: int
    per_call: float | None
    per_assistant_message: float | None


class InterruptedText(Row):
    """What was cut short."""

    text: str = Field(description=f"its first {LONGEST_TEXT_SHOWN} characters")
    interruptions: int
    calls: int


class Interruptions(Analytics):
    """Interruptions."""

    groups: list[InterruptionsGroup]
    texts: list[InterruptedText] = Field(description=f"the {MOST_TEXTS} most frequent, of all groups")


class Durations(Row):
    """How long calls were, in milliseconds, rounded as latencies are."""

    p50: float | None
    p90: float | None
    total: float


class CallsGroup(Group):
    """Volume, duration and cost of some calls."""

    ended: int
    failed: int
    duration_ms: Durations
    total_cost: float


class Outcome(Row):
    """How often calls came out so."""

    kind: Literal["status", "end_trigger", "outcome", "success_evaluation"]
    value: str = Field(description="its first 80 characters; empty where it is not known")
    calls: int


class CallsFigures(Analytics):
    """Calls; before it is rounded a duration's percentile is at most `relative_error` off."""

    relative_error: float = RELATIVE_ERROR
    groups: list[CallsGroup]
    outcomes: list[Outcome] = Field(description=f"of each kind the {MOST_OUTCOMES} most frequent, of all groups")
