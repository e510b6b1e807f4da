"""How long things are kept: dead letters, where a limit is set, and receipts."""

import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import cast

from redis import Redis

from shared.database import Database
from shared.jobs import OUT_OF_REACH_SECONDS
from shared.queries import queries
from shared.rq_names import event_id_of_job, failed_key
from shared.stages import QUEUES
from workers.pages import PAGE

RECEIPTS_AT_ONCE = 5000
# Between two pieces, so that the stages' own writes do not wait for a long row of them.
REST_SECONDS = 0.05
DAY_SECONDS = 24 * 60 * 60


def discard_dead_letters(redis: Redis, days: int, between_pages: Callable[[], object]) -> Iterator[tuple[str, int]]:
    """Discard dead letters that failed more than `days` ago; gives each stage that had some with their number.

    One of which the time of failing is not known is kept.
    """
    script = redis.register_script(files("shared").joinpath("lua/discard.lua").read_text())
    failed_before = OUT_OF_REACH_SECONDS + time.time() - days * DAY_SECONDS
    for stage in QUEUES:
        key = failed_key(stage)
        discarded = kept = 0
        while jobs := cast(
            "list[bytes]", redis.zrangebyscore(key, OUT_OF_REACH_SECONDS, failed_before, start=kept, num=PAGE)
        ):
            between_pages()
            ours = [job_id.decode(errors="replace") for job_id in jobs if job_id.endswith(f"-{stage}".encode())]
            event_ids = [event_id_of_job(job_id, stage) for job_id in ours]
            kept += len(jobs) - len(event_ids)  # jobs of others in our queue
            discarded += int(script([key], [stage, *event_ids]))
        if discarded:
            yield stage, discarded


def delete_receipts(database: Database, days: int) -> int:
    """Delete receipts that are older than `days`, in pieces; returns how many. Raises what transactions raise."""
    deleted = 0
    while piece := _delete_piece(database, days):
        deleted += piece
        time.sleep(REST_SECONDS)
    return deleted


def _delete_piece(database: Database, days: int) -> int:
    with database.transaction() as connection:
        statement = queries("retention")["delete_old_receipts"]
        row = connection.execute(statement, {"days": days, "most": RECEIPTS_AT_ONCE}).fetchone()
    return cast("int", row["receipts"]) if row else 0
