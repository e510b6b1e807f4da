"""The page of operations: queues, dead letters, quarantine and past replays, each as far as its server can be read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from pydantic import ValidationError

from console.api.failed import OPERATIONS as FAILED
from console.api.failed import Failed, FailedQuery
from console.api.operations import ListingQuery, read_cursor, read_rows
from console.api.queues import QueueOfStage, read_figures, read_rates, with_rates
from console.api.replays import Replay, list_replays
from console.errors import Unprocessable, describe
from console.pages.calls import read_filters
from console.pages.quarantine import count_quarantined
from console.pages.reachable import Reachable
from console.pages.verdicts import Verdict, judge, judge_run
from console.services import Services
from shared.dead_letters import DeadLetters
from shared.filters import DeadLetterFilter
from shared.janitors import janitor_of
from shared.redis_client import redis_faults_told
from shared.stages import QUEUES

LETTERS_A_PAGE = "25"
MOST_REPLAYS = 10
# To tell dead letters apart by error, Redis looks at each: some milliseconds for a thousand.
MOST_COUNTED = 50_000

(_LISTING,) = FAILED


@dataclass(frozen=True, slots=True)
class JudgedQueue:
    """A stage's queue, and what its figures mean."""

    figures: QueueOfStage
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class LettersPart:
    """Dead letters: how many there are by stage and class of the error, and a page of those that pass the filters.

    Where there are too many to be told apart by error, the error is empty.
    """

    counts: Sequence[tuple[str, str, int]]
    letters: Sequence[Failed]
    following: str | None

    @property
    def total(self) -> int:
        """How many there are in all."""
        return sum(number for _, _, number in self.counts)

    @property
    def errors(self) -> Sequence[str]:
        """The classes of errors that there are."""
        return sorted({error for _, error, _ in self.counts if error})


@dataclass(frozen=True, slots=True)
class SystemPart:
    """The servers that answer, and which janitor acts: None where nobody knows, empty where none does."""

    silent: Collection[str]
    janitor: str | None


@dataclass(frozen=True, slots=True)
class QueuesPart:
    """How all queues stand, and the system around them, as of `now`; no queues where Redis cannot be read."""

    now: datetime
    queues: Sequence[JudgedQueue] | None
    system: SystemPart


@dataclass(frozen=True, slots=True)
class OperationsPage:
    """What the page shows; a part is None where its server cannot be read."""

    asked: Mapping[str, str]
    query: FailedQuery
    problem: str
    standing: QueuesPart
    dead: LettersPart | None
    quarantined: Mapping[str, int] | None
    replays: Sequence[tuple[Replay, Verdict]] | None

    @property
    def chosen(self) -> Mapping[str, str]:
        """What was asked of dead letters, but for which page of them."""
        return {name: value for name, value in self.asked.items() if name not in {"cursor", "limit"}}

    @property
    def replay_path(self) -> str:
        """Where all that pass the filters can be replayed."""
        return f"/operations/replay?{urlencode({'source': 'dead_letters', **(self.chosen or {'all': 'true'})})}"

    def path_of_page(self, cursor: str | None) -> str:
        """Write the address of another page of dead letters that pass the same filters."""
        asked = {**self.chosen, **({"cursor": cursor} if cursor else {})}
        return f"/operations?{urlencode(asked)}#dead-letters"


def add_pages(blueprint: Blueprint, services: Services) -> None:
    """Add /operations, and its queues alone, for its script."""

    @blueprint.get("/operations")
    def operations() -> tuple[str, int]:
        page = read_operations(services, read_filters(request.args.to_dict()))
        return render_template("operations.html", page=page, stages=QUEUES), 422 if page.problem else 200

    @blueprint.get("/operations/queues")
    def queues_alone() -> str:
        return render_template("_queues.html", standing=read_standing(services, Reachable()))


def read_operations(services: Services, asked: Mapping[str, str]) -> OperationsPage:
    """Read what the page shows; a filter that makes no sense is told in `problem`."""
    query, problem = _read_query(asked)
    servers = Reachable()
    standing = read_standing(services, servers)
    return OperationsPage(
        asked,
        query,
        problem,
        standing,
        servers.read("Redis", lambda: read_letters(services, query, standing.queues or ())),
        servers.read("PostgreSQL", lambda: count_quarantined(services)),
        servers.read("PostgreSQL", lambda: read_runs(services)),
    )


def read_standing(services: Services, servers: Reachable) -> QueuesPart:
    """Read how all queues stand, as far as the servers answer."""
    figures = servers.read("Redis", lambda: read_figures(services))
    janitor = servers.read("Redis", lambda: read_janitor(services))
    rates = servers.read("PostgreSQL", lambda: read_rates(services))
    queues = None if figures is None else [JudgedQueue(row, judge(row)) for row in with_rates(figures, rates)]
    return QueuesPart(datetime.now(UTC), queues, SystemPart(sorted(servers.silent), janitor))


def read_janitor(services: Services) -> str:
    """Name the janitor that acts; empty where none does. Raises QueueUnavailable."""
    with redis_faults_told():
        return janitor_of(services.redis) or ""


def read_runs(services: Services) -> Sequence[tuple[Replay, Verdict]]:
    """Read the newest replays, and how they came out. Raises DatabaseUnavailable."""
    runs = list_replays(services, {}, ListingQuery(), None, MOST_REPLAYS)
    return [(run, judge_run(run)) for run in runs]


def read_letters(services: Services, query: FailedQuery, queues: Sequence[JudgedQueue]) -> LettersPart:
    """Count all dead letters, and read a page of those that pass the filters. Raises QueueUnavailable."""
    letters, following = read_rows(_LISTING, services, {}, query)
    return LettersPart(_count_letters(services, queues), letters, following)


def _count_letters(services: Services, queues: Sequence[JudgedQueue]) -> list[tuple[str, str, int]]:
    numbers = {queue.figures.stage: queue.figures.dead_letters for queue in queues}
    if sum(numbers.values()) > MOST_COUNTED:
        return [(stage, "", number) for stage, number in numbers.items() if number]
    counts = DeadLetters(services.redis, services.settings).survey(DeadLetterFilter(), 0).counts
    return [(*name, number) for name, number in counts.most_common()]


def _read_query(asked: Mapping[str, str]) -> tuple[FailedQuery, str]:
    try:
        query = FailedQuery.model_validate({"limit": LETTERS_A_PAGE, **asked})
        read_cursor(_LISTING, query.cursor)
    except ValidationError as error:
        return FailedQuery(), describe(error)
    except Unprocessable as error:
        return FailedQuery(), str(error)
    return query, ""
