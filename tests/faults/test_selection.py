"""A minute of the battery: the same scenarios as `make faults`, with fewer points and smaller loads."""

from collections.abc import Iterator

import pytest

from tests.faults.arms import EarshotArm
from tests.faults.earshot_system import EarshotSystem
from tests.faults.load import Load, under_load
from tests.faults.outages import stop_for_a_while
from tests.faults.stand import Stand
from tests.faults.sweep import ALONE, BATCH, SINGLE, Course, Sweep
from tests.faults.verdicts import Verdict
from tests.faults.worker_faults import two_janitors
from tests.faults.writers import writers

SEED = 20

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """Servers of these tests' own: they are killed."""
    with Stand() as made:
        yield made


def is_clean(verdict: Verdict) -> bool:
    """Tell whether nothing was lost, doubled, spoilt or left, and there was something to lose."""
    return verdict.is_clean and verdict.acknowledged > 0 and verdict.points > 0


@pytest.mark.parametrize(("stage", "course", "stride"), [("transcripts", BATCH, 9), ("lifecycle", ALONE, 13)])
def test_a_worker_may_be_killed_at_any_command(stand: Stand, stage: str, course: Course, stride: int):
    """Wherever the worker dies, the next one stores its events, exactly as if it had not."""
    verdict = Sweep(stand, EarshotArm(), stage, course, is_killed=True).run(["before", "after"], stride=stride)
    assert is_clean(verdict), verdict


@pytest.mark.parametrize(("stage", "course", "stride"), [("metrics", SINGLE, 3)])
def test_any_reply_may_be_lost(stand: Stand, stage: str, course: Course, stride: int):
    """Whichever command was executed without an answer, it is not done twice to ill effect, and nothing is left out."""
    verdict = Sweep(stand, EarshotArm(), stage, course, is_killed=False).run(["after"], stride=stride)
    assert is_clean(verdict), verdict


def test_redis_may_be_away_under_load(stand: Stand):
    """While Redis is away the ingest goes on to accept, and what it accepted is stored afterwards."""
    system = EarshotSystem(stand)
    load = Load.of_calls(SEED, calls=12)
    verdict = under_load("redis away", system, load, lambda: stop_for_a_while(stand, "valkey", seconds=1.5))
    assert is_clean(verdict), verdict
    assert system.refused == []


def test_queues_may_vanish(stand: Stand):
    """What was to be done is in the events' records: janitors dispatch it again, and it is stored once."""
    (verdict,) = two_janitors(stand, SEED, calls=8)
    assert is_clean(verdict), verdict


def test_writers_may_meet(stand: Stand):
    """Writers of the same calls in different orders never deadlock, and the rows are those of one writer alone."""
    ours, _ = writers(stand, SEED, number=8, share=0.1)
    assert is_clean(ours), ours
