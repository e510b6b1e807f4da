"""The listing of queues: for each stage how much waits and since when, who works on it, and how fast."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from pydantic import Field

from console.api.cursors import STAGE, Cursor, Place
from console.api.operations import Listing, ListingQuery, PathValues, Row
from console.patience import PATIENCE_SECONDS, TookTooLong, read_in_time
from console.services import Services
from shared.errors import DatabaseUnavailable
from shared.queries import queries
from shared.queue_figures import QueueFigures, read_queue
from shared.redis_client import redis_faults_told
from shared.stages import QUEUES

RATE_SECONDS = 60


class QueueOfStage(Row):
    """How the queue of a stage stands."""

    stage: str
    depth: int = Field(description="jobs that wait")
    oldest_seconds: float | None = Field(description="how long the job in front has waited; null where none waits")
    workers: int = Field(description="workers that give signs of life")
    at_work: int = Field(description="jobs that workers have taken")
    retrying: int = Field(description="jobs that have failed and pause for their next attempt")
    retry_error: str | None = Field(description="class of the error that one of them met; null where none pauses")
    retry_event_id: str | None = Field(description="the event of that one")
    dead_letters: int
    rate: float | None = Field(
        description="events stored per second, over the last minute; null while PostgreSQL cannot be read"
    )


def read_queues(
    services: Services, _: PathValues, __: ListingQuery, place: Place | None, limit: int
) -> Sequence[QueueOfStage]:
    """Read the figures of all stages, in the order in which the stages are named everywhere."""
    first = QUEUES.index(place[0]) + 1 if place else 0
    return with_rates(read_figures(services), _rates_if_any(services))[first : first + limit]


def read_figures(services: Services) -> Sequence[QueueFigures]:
    """Read what Redis knows of all stages. Raises QueueUnavailable."""
    with redis_faults_told():
        return [read_queue(services.redis, stage, services.settings) for stage in QUEUES]


def read_rates(services: Services) -> Mapping[str, float]:
    """Read how many events each stage stores per second. Raises DatabaseUnavailable."""
    rows = services.store.rows(queries("console_operations")["count_stored"], {"seconds": RATE_SECONDS})
    return {row["stage"]: row["events"] / RATE_SECONDS for row in rows}


def with_rates(figures: Sequence[QueueFigures], rates: Mapping[str, float] | None) -> Sequence[QueueOfStage]:
    """Put together what Redis and what PostgreSQL know, as precise as it is meant."""
    return [_queue(one, None if rates is None else round(rates.get(one.stage, 0.0), 3)) for one in figures]


def _queue(figures: QueueFigures, rate: float | None) -> QueueOfStage:
    oldest_seconds = round(figures.oldest_seconds, 1) if figures.depth else None
    return QueueOfStage(**{**asdict(figures), "oldest_seconds": oldest_seconds, "rate": rate})


def _rates_if_any(services: Services) -> Mapping[str, float] | None:
    # While PostgreSQL is away the queues grow: then most of all they are worth a look.
    try:
        return read_in_time(lambda: read_rates(services), PATIENCE_SECONDS)
    except (DatabaseUnavailable, TookTooLong):
        return None


OPERATIONS = (
    Listing(
        path="/api/queues",
        summary="How the queue of each stage stands",
        noun="queues",
        query=ListingQuery,
        row=QueueOfStage,
        cursor=Cursor(STAGE),
        place_of=lambda queue: (queue.stage,),
        read=read_queues,
    ),
)
