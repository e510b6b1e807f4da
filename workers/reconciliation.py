"""Find the stages of events that are pending while no job is left for them, and dispatch them again.

The event record is the truth; RQ only dispatches. A job is *held* when it waits in its queue's list, is at work under a
lease, waits for its next attempt, or is a dead letter. A pending stage whose job is not held is a suspect; one that is
found again a round later, its job unchanged, is lost. So a job in the middle of a hand-over is not taken for lost;
where it is all the same, it runs once too often, which changes no row.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from itertools import groupby
from typing import NamedTuple, cast

from redis import Redis
from rq.utils import now, utcformat

from shared.event_records import PREFIX
from shared.publisher import job_data, shared_fields
from shared.rq_names import JOB_PREFIX, QUEUES_KEY, job_id_of, queue_key, started_key
from shared.settings import Settings
from shared.stages import QUEUES
from workers.pages import pages, read_queue, scan_hashes
from workers.turns import KEY

# What changes whenever somebody has the job in hand.
STATE = ("status", "enqueued_at", "started_at", "last_heartbeat", "ended_at", "retries_left")

# Writing a job anew costs the server about 0.1 ms.
DISPATCHED_AT_ONCE = 50

# The letters of survey.lua that need a closer look.
GONE = "g"
LOOK_UP = "l"


class PendingStage(NamedTuple):
    """One stage of one event that is not done."""

    stage: str
    event_id: str

    @property
    def job_id(self) -> bytes:
        """The id of the job that should do it."""
        return job_id_of(self.event_id, self.stage).encode()


# What its job looked like when a stage became a suspect; empty values where there is none.
Suspects = Mapping[PendingStage, bytes]


class Reconciler:
    """Keeps in mind, from one round to the next, which stages are suspects."""

    def __init__(self, redis: Redis, settings: Settings, token: str) -> None:
        """`token` is that of the janitor that acts: without it nothing is dispatched."""
        self._redis = redis
        self._token = token
        self._shared_fields = {stage: shared_fields(redis, stage, settings) for stage in QUEUES}
        self._suspects: Suspects = {}
        self._survey, self._redispatch = (
            redis.register_script(files("shared").joinpath(f"lua/{name}.lua").read_text())
            for name in ("survey", "redispatch")
        )

    def run_round(self, between_pages: Callable[[], object]) -> int:
        """Dispatch what was lost the last time and still is; returns how many. Raises RedisError."""
        before, self._suspects = self._suspects, {}
        suspects = dict(self._find_suspects(between_pages))
        lost = {pending: state for pending, state in suspects.items() if before.get(pending) == state}
        dispatched = self._dispatch(lost, between_pages)
        self._suspects = {pending: state for pending, state in suspects.items() if pending.job_id not in dispatched}
        return len(dispatched)

    def forget(self) -> None:
        """Begin anew: what was seen before somebody else acted is no evidence."""
        self._suspects = {}

    def _find_suspects(self, between_pages: Callable[[], object]) -> Iterator[tuple[PendingStage, bytes]]:
        held = self._read_held(between_pages)
        for keys in scan_hashes(self._redis, f"{PREFIX}*"):
            between_pages()
            words = cast("list[bytes]", self._survey(keys, QUEUES))
            unheld = [
                pending
                for key, word in zip(keys, words, strict=True)
                for pending in _unheld(_event_id(key), word.decode(), held)
            ]
            yield from zip(unheld, self._read_states(unheld), strict=True)

    def _read_held(self, between_pages: Callable[[], object]) -> set[bytes]:
        """Read who waits and who is at work, in the order in which jobs move on: none slips through between."""
        held: set[bytes] = set()
        for stage in QUEUES:
            for page in read_queue(self._redis, queue_key(stage)):
                between_pages()
                held.update(page)
        for stage in QUEUES:
            leases = cast("list[bytes]", self._redis.zrange(started_key(stage), 0, -1))
            held.update(lease.partition(b":")[0] for lease in leases)
        return held

    def _read_states(self, unheld: list[PendingStage]) -> list[bytes]:
        if not unheld:
            return []
        with self._redis.pipeline(transaction=False) as pipeline:
            for pending in unheld:
                pipeline.hmget(JOB_PREFIX.encode() + pending.job_id, STATE)
            found = cast("list[list[bytes | None]]", pipeline.execute())
        return [b"\n".join(value or b"" for value in values) for values in found]

    def _dispatch(self, lost: Suspects, between_pages: Callable[[], object]) -> set[bytes]:
        dispatched: set[bytes] = set()
        for stage, of_stage in groupby(sorted(lost), lambda pending: pending.stage):
            for page in pages(of_stage, DISPATCHED_AT_ONCE):
                between_pages()
                dispatched.update(self._dispatch_page(stage, page, lost))
        return dispatched

    def _dispatch_page(self, stage: str, page: list[PendingStage], lost: Suspects) -> list[bytes]:
        arguments: list[str | bytes | int] = [self._token, stage, utcformat(now()), self._shared_fields[stage]]
        arguments += [len(STATE), *STATE]
        for pending in page:
            arguments += [pending.event_id, job_data(stage, pending.event_id), lost[pending]]
        return cast("list[bytes]", self._redispatch([KEY, QUEUES_KEY], arguments))


def _event_id(key: bytes) -> str:
    # Ours are plain; what somebody else wrote there must not end us.
    return key.decode(errors="replace").removeprefix(PREFIX)


def _unheld(event_id: str, word: str, held: set[bytes]) -> Iterator[PendingStage]:
    """Name the stages of an event whose job is not held, by the letters of survey.lua."""
    for stage, letter in zip(QUEUES, word, strict=True):
        if letter in (GONE, LOOK_UP):
            pending = PendingStage(stage, event_id)
            if letter == GONE or pending.job_id not in held:
                yield pending
