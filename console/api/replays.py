"""Replays: dead letters and deliveries in quarantine are put back into their queues; and who has done so before.

Whoever asks waits for it, so that it is bounded: by what matches, and by the time it may take.
"""

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, JsonValue, TypeAdapter

from console.api.cursors import BIGINT, Cursor, Place
from console.api.operations import Command, Listing, ListingQuery, PathValues, Row
from console.api.replay_orders import DeadLetterOrder, Order
from console.errors import Unprocessable
from console.services import Services
from console.writing import writing
from shared.database import Database
from shared.dead_letters import DeadLetters
from shared.logs import log
from shared.publisher import Publisher
from shared.quarantined import Quarantine
from shared.queries import queries
from shared.replay_work import DeadLetterReplay, QuarantineReplay, route_by
from shared.replays import Outcome, ReplayRecord, Run, Work, carry_out, rehearse

LONGEST_SECONDS = 20.0
# Well within that time: dead letters go back by the hundred, deliveries are read and published one by one.
MOST_AT_ONCE = {"dead_letters": 5000, "quarantine": 500}


class Replayed(Row):
    """What came of it. A dry run has `replayable` only, the others the rest; nothing goes on after the answer."""

    matched: int
    replayable: int | None = Field(description="how many would be replayed; null where too many match to look at")
    replayed: int | None
    skipped: int | None = Field(description="gone when their turn came, or still not to be routed")
    outcome: Outcome | None = Field(description="interrupted: time ran out; the same order does the rest")


class Replay(Row):
    """A run of replaying or discarding, from the console or from the command line."""

    replay_id: int
    started_at: datetime
    finished_at: datetime | None
    who: str
    action: str
    source: str
    filter: dict[str, JsonValue]
    matched: int
    replayed: int
    skipped: int
    outcome: str


def replay(services: Services, order: Order, who: str) -> Replayed:
    """Do what is ordered, and put on record by whom.

    Raises Unprocessable where it is not clear what is meant, or it is more than can be waited for.
    """
    if order.everything != order.wanted.is_empty:
        raise Unprocessable("filter: say which, or all: true; the two exclude each other")
    with writing(services) as database:
        matched = _count(services, database, order)
        is_too_much = matched > MOST_AT_ONCE[order.source]
        if order.dry_run:
            replayable = None if is_too_much else rehearse(_work(services, database, order))
            return Replayed(matched=matched, replayable=replayable, replayed=None, skipped=None, outcome=None)
        if is_too_much:
            most = MOST_AT_ONCE[order.source]
            raise Unprocessable(f"filter: matches {matched}, more than {most}: choose fewer, or use earshot replay")
        run = _run(_work(services, database, order), ReplayRecord(database), who)
    _log(order, run)
    return Replayed(
        matched=run.matched, replayable=None, replayed=run.replayed, skipped=run.skipped, outcome=run.outcome
    )


def list_replays(
    services: Services, _: PathValues, __: ListingQuery, place: Place | None, limit: int
) -> Sequence[Replay]:
    """Read who has replayed or discarded what, the newest first."""
    (replay_id,) = place or (None,)
    rows = services.store.rows(
        queries("console_operations")["list_replays"], {"after_replay_id": replay_id, "limit": limit}
    )
    return [Replay.model_validate(row) for row in rows]


def _count(services: Services, database: Database, order: Order) -> int:
    if isinstance(order, DeadLetterOrder):
        return DeadLetters(services.redis, services.settings).survey(order.wanted, 0).total
    return Quarantine(database).survey(order.wanted, 0).total


def _work(services: Services, database: Database, order: Order) -> Work:
    redis, settings = services.redis, services.settings
    if isinstance(order, DeadLetterOrder):
        return DeadLetterReplay(DeadLetters(redis, settings), order.wanted)
    return QuarantineReplay(Quarantine(database), order.wanted, redis, Publisher(redis, settings), route_by(settings))


def _run(work: Work, record: ReplayRecord, who: str) -> Run:
    run, deadline = Run(work.matched), time.monotonic() + LONGEST_SECONDS
    if not work.matched:
        run.outcome = "done"
        return run
    for _ in carry_out(work, record, run, who, lambda: time.monotonic() > deadline):
        pass
    return run


def _log(order: Order, run: Run) -> None:
    counted: dict[str, Any] = {"matched": run.matched, "replayed": run.replayed, "skipped": run.skipped}
    log(logging.INFO, "console.replayed", source=order.source, outcome=run.outcome, **counted)


OPERATIONS = (
    Listing(
        path="/api/replays",
        summary="Who has replayed or discarded what, the newest first",
        noun="replays",
        query=ListingQuery,
        row=Replay,
        cursor=Cursor(BIGINT),
        place_of=lambda run: (run.replay_id,),
        read=list_replays,
    ),
    Command(
        path="/api/replays",
        summary="Replay dead letters, or deliveries in quarantine",
        body=TypeAdapter(Annotated[Order, Field(discriminator="source")]),
        answer=Replayed,
        run=replay,
    ),
)
