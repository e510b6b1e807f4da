"""The listing of queues: for each stage how much waits and since when, who works on it, and how fast."""

from collections.abc import Sequence
from dataclasses import asdict

from pydantic import Field

from console.api.cursors import STAGE, Cursor, Place
from console.api.operations import Listing, ListingQuery, PathValues, Row
from console.services import Services
from shared.errors import DatabaseUnavailable
from shared.queries import queries
from shared.queue_figures import read_queue
from shared.redis_client import redis_faults_told
from shared.stages import QUEUES

RATE_SECONDS = 60


class QueueOfStage(Row):
    """How the queue of a stage stands."""

    stage: str
    depth: int = Field(description="jobs that wait")
    oldest_seconds: float = Field(description="how long the job in front has waited; 0 where none waits")
    workers: int = Field(description="workers that give signs of life")
    at_work: int = Field(description="jobs that workers have taken")
    dead_letters: int
    rate: float | None = Field(
        description="events stored per second, over the last minute; null while PostgreSQL cannot be read"
    )


def read_queues(
    services: Services, _: PathValues, __: ListingQuery, place: Place | None, limit: int
) -> Sequence[QueueOfStage]:
    """Read the figures of all stages, in the order in which the stages are named everywhere."""
    stages = QUEUES[QUEUES.index(place[0]) + 1 :] if place else QUEUES
    with redis_faults_told():
        figures = [asdict(read_queue(services.redis, stage, services.settings)) for stage in stages[:limit]]
    rates = _read_rates(services)
    return [QueueOfStage(**row, rate=None if rates is None else rates.get(row["stage"], 0.0)) for row in figures]


def _read_rates(services: Services) -> dict[str, float] | None:
    # While PostgreSQL is away the queues grow: then most of all they are worth a look.
    try:
        rows = services.store.rows(queries("console_operations")["count_stored"], {"seconds": RATE_SECONDS})
    except DatabaseUnavailable:
        return None
    return {row["stage"]: row["events"] / RATE_SECONDS for row in rows}


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
