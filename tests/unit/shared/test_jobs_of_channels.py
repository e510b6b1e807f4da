"""The pauses of jobs that deliver notices: short, longer where the receiver asks, and a minute out of turn."""

import pytest
from fakeredis import FakeRedis

from shared.errors import NotDelivered, OutOfTurn
from shared.jobs import StageJob


def pause(failure: Exception, spent: int = 0) -> int:
    """Say how long a job of a channel pauses after so many attempts."""
    made = StageJob.create("workers.tasks.webhook", args=("e1",), connection=FakeRedis(), origin="webhook")
    made.meta, made.retries_left, made.failure = {"attempts": 199}, 199 - spent, failure
    return made.get_retry_interval()


def test_a_receiver_is_tried_every_minute_at_least():
    """The pause stops growing at a minute, spread by half."""
    assert all(30 <= pause(NotDelivered("down"), spent) <= 90 for spent in range(10, 199))
    assert pause(NotDelivered("down")) <= 3


@pytest.mark.parametrize(("asked", "least"), [(40, 40), (10**9, 60)])
def test_a_receiver_may_ask_for_a_longer_pause(asked, least):
    """Retry-After is heeded up to a minute."""
    assert pause(NotDelivered("busy", asked)) == least


def test_out_of_turn_pauses_for_a_minute():
    """However many attempts were spent."""
    assert 30 <= pause(OutOfTurn("another comes first"), 100) <= 90
