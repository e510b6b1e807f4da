"""Dead letters: the failed jobs of events that still have the stage to do. Find, count, replay and discard them.

There is no list of them but RQ's own registry of failed jobs, which is in the order of failing (shared/jobs.py). It is
looked through page by page, by a script that reads a few small fields of each job and never a body.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

from redis import Redis
from rq.utils import now, utcformat

from shared.event_records import load_event
from shared.failures import UNKNOWN
from shared.filters import DeadLetterFilter
from shared.jobs import OUT_OF_REACH_SECONDS
from shared.publisher import job_data, shared_fields
from shared.redis_client import redis_faults_told
from shared.rq_names import QUEUES_KEY, event_id_of_job, failed_key, queue_key
from shared.settings import Settings

# Redis serves nobody else while it looks at a page: some milliseconds.
PAGE = 2000
ALL = 10**9

# Outside of all scores: that of a job without a time of failing is -1.
_LOWEST, _HIGHEST = -2.0, 1e15

# Where a dead letter stands among all, the one that failed last in front: by score, then by the ids, all backwards.
Place = tuple[float, str, str]

_Placed = tuple[Place, "DeadLetter"]
_Page = tuple[tuple[str, str] | None, Counter[str], "list[_Placed]"]


class _Look(NamedTuple):
    size: int
    tell: int
    scores: tuple[float, float]
    start: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A stage that failed for an event. `failed_at` is None where somebody else's worker did not write it down."""

    stage: str
    event_id: str
    failed_at: datetime | None
    error: str
    reason: str
    attempts: int
    event_type: str
    call_id: str
    received_at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Survey:
    """How many dead letters match, by stage and class of the error, and the newest of them."""

    counts: Counter[tuple[str, str]]
    letters: Sequence[DeadLetter]

    @property
    def total(self) -> int:
        """How many match."""
        return self.counts.total()


class DeadLetters:
    """The dead letters of one Redis. All methods raise QueueUnavailable."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._settings = settings
        self._look, self._replay, self._discard = (
            redis.register_script(files("shared").joinpath(f"lua/{name}.lua").read_text())
            for name in ("dead_letters", "replay", "discard")
        )

    def survey(self, wanted: DeadLetterFilter, limit: int) -> Survey:
        """Count all that match, and tell of the newest `limit`, newest first."""
        counts: Counter[tuple[str, str]] = Counter()
        letters: list[DeadLetter] = []
        for stage in wanted.stages:
            for numbers, page in self._pages(stage, wanted, limit):
                letters += [letter for _, letter in page]
                counts.update({(stage, error): number for error, number in numbers.items()})
        return Survey(counts, sorted(letters, key=_time_of_failing, reverse=True)[:limit])

    def newest(self, wanted: DeadLetterFilter, limit: int, behind: Place | None = None) -> list[_Placed]:
        """Tell of the newest `limit` that match, newest first, each with its place; only of those behind a place.

        A place holds whatever fails, is replayed or is discarded meanwhile: nothing that stays is missed or told twice.
        """
        found = [one for stage in wanted.stages for one in islice(self._behind(stage, wanted, limit, behind), limit)]
        return sorted(found, key=itemgetter(0), reverse=True)[:limit]

    def matching(self, wanted: DeadLetterFilter) -> list[DeadLetter]:
        """Name all that match, oldest first, each once."""
        letters = self.survey(wanted, ALL).letters
        return list({(letter.stage, letter.event_id): letter for letter in reversed(letters)}.values())

    def replay(self, letters: Iterable[DeadLetter]) -> int:
        """Put dead letters back into their queues, with fresh attempts; counts those that it has put back itself."""
        return sum(self._replay_stage(stage, event_ids) for stage, event_ids in _by_stage(letters).items())

    def discard(self, letters: Iterable[DeadLetter]) -> int:
        """Give dead letters up for good, as if their stage were done; counts those that it has given up itself."""
        with redis_faults_told():
            return sum(
                int(self._discard([failed_key(stage)], [stage, *event_ids]))
                for stage, event_ids in _by_stage(letters).items()
            )

    def body(self, event_id: str) -> bytes | None:
        """Read an event's body; None where the event is not in Redis."""
        with redis_faults_told():
            event = load_event(self._redis, event_id)
        return None if event is None else event.body

    def _behind(self, stage: str, wanted: DeadLetterFilter, limit: int, behind: Place | None) -> Iterator[_Placed]:
        scores = _scores(wanted)
        if behind is not None:
            scores = (scores[0], min(scores[1], behind[0]))
        # Without filters the first look is enough; with them more and more is looked at.
        look: _Look | None = _Look(min(limit + 1, PAGE), ALL, scores)
        while look:
            end, _, page = self._page(stage, wanted, look)
            yield from (one for one in page if behind is None or one[0] < behind)
            look = end and look._replace(size=min(4 * look.size, PAGE), start=end)

    def _pages(self, stage: str, wanted: DeadLetterFilter, limit: int) -> Iterator[tuple[Counter[str], list[_Placed]]]:
        look: _Look | None = _Look(PAGE, limit, _scores(wanted))
        while look:
            end, numbers, page = self._page(stage, wanted, look)
            yield numbers, page
            look = end and look._replace(tell=look.tell - len(page), start=end)

    def _page(self, stage: str, wanted: DeadLetterFilter, look: _Look) -> _Page:
        names = (wanted.error or "", wanted.call_id or "", wanted.event_id or "")
        asked: list[str | float] = [stage, look.size, look.tell, *look.scores, *names, *look.start]
        with redis_faults_told():
            end, counts, rows = self._look([failed_key(stage)], asked)
        numbers = Counter(dict(zip(map(bytes.decode, counts[::2]), counts[1::2], strict=True)))
        return end and (end[0].decode(), end[1].decode()), numbers, [_placed(stage, row) for row in rows]

    def _replay_stage(self, stage: str, event_ids: Iterable[str]) -> int:
        keys = [failed_key(stage), queue_key(stage), QUEUES_KEY]
        jobs = [part for event_id in event_ids for part in (event_id, job_data(stage, event_id))]
        with redis_faults_told():
            fields = shared_fields(self._redis, stage, self._settings)
            return int(self._replay(keys, [stage, utcformat(now()), fields, *jobs]))


def attempts_spent(meta: bytes | None, retries_left: bytes | None) -> int:
    """Say how many attempts a job has had, from what it was given and what is left; for one that is at its end."""
    given = json.loads(meta).get("attempts", 0) if meta else 0
    return max(given - int(retries_left or 0), 0) + 1


def _by_stage(letters: Iterable[DeadLetter]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for letter in letters:
        found.setdefault(letter.stage, []).append(letter.event_id)
    return found


def _scores(wanted: DeadLetterFilter) -> tuple[float, float]:
    return _score(wanted.since, _LOWEST), _score(wanted.until, _HIGHEST)


def _score(moment: datetime | None, default: float) -> float:
    return default if moment is None else OUT_OF_REACH_SECONDS + moment.timestamp()


def _placed(stage: str, row: Sequence[Any]) -> _Placed:
    return (float(row[1]), stage, row[0].decode()), _letter(stage, row)


def _letter(stage: str, row: Sequence[Any]) -> DeadLetter:
    job_id, score, error, reason, retries_left, meta, ended_at, event_type, call_id, received_at, size = row
    return DeadLetter(
        stage=stage,
        event_id=event_id_of_job(job_id.decode(), stage),
        failed_at=_failed_at(float(score), ended_at),
        error=(error or UNKNOWN.encode()).decode(),
        reason=(reason or UNKNOWN.encode()).decode(),
        attempts=attempts_spent(meta, retries_left),
        event_type=(event_type or b"").decode(),
        call_id=(call_id or b"").decode(),
        received_at=datetime.fromtimestamp(int(received_at or 0) / 1000, UTC),
        size=int(size or 0),
    )


def _failed_at(score: float, ended_at: bytes | None) -> datetime | None:
    if score > OUT_OF_REACH_SECONDS:
        return datetime.fromtimestamp(score - OUT_OF_REACH_SECONDS, UTC)
    return datetime.fromisoformat(ended_at.decode()) if ended_at else None


def _time_of_failing(letter: DeadLetter) -> datetime:
    return letter.failed_at or datetime.min.replace(tzinfo=UTC)
