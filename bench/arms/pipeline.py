"""What the bench needs to know of a queue and its workers, whoever wrote them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bench.stand import Stand
from bench.workload import Snapshot

STAGES = ("transcripts", "metrics", "interruptions")


class Pipeline(Protocol):
    """One arm of the drain. Its jobs wait in lists of Redis, which the bench moves aside and back."""

    @property
    def name(self) -> str:
        """How the arm is called in the results."""

    @property
    def lists(self) -> Sequence[str]:
        """The lists in which jobs wait."""

    @property
    def contents(self) -> Sequence[str]:
        """Keys that hold the jobs of those lists and count as work: they are moved with them."""

    @property
    def at_work(self) -> Sequence[tuple[str, str]]:
        """What else must be empty when no job is at work: (command that counts, key)."""

    @property
    def tables(self) -> Mapping[str, int]:
        """The tables that hold one row a message, or none, at the end: table -> rows a message."""

    @property
    def variables(self) -> Mapping[str, str]:
        """Environment variables of its processes."""

    def commands(self) -> Sequence[Sequence[str]]:
        """Give the commands of its processes."""

    def publish(self, snapshots: Sequence[Snapshot]) -> None:
        """Put events into the queue, one job for each stage."""

    def wake(self) -> None:
        """Tell waiting workers that there are jobs, where they do not notice a list that appears."""

    def is_ready(self) -> bool:
        """Tell whether all workers have started."""


class PlainPipeline:
    """What the arms that are not ours have in common."""

    tables: Mapping[str, int] = {"plain_messages": 1, "plain_metrics": 1}
    variables: Mapping[str, str] = {}
    contents: Sequence[str] = ()
    workers = 2

    def __init__(self, stand: Stand) -> None:
        self.stand = stand

    def wake(self) -> None:
        """Nothing to do: they block on the list."""

    def is_ready(self) -> bool:
        """Every worker has connected to PostgreSQL, so it has worked on something."""
        query = "select count(*) from pg_stat_activity where application_name = 'bench-control'"
        return bool(self.stand.one(query) >= self.workers)
