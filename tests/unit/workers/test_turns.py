"""A janitor's claim to act, as others in the same process see it."""

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from workers.turns import Turn, TurnLost


@pytest.fixture
def turn() -> Turn:
    """A turn that is ours, at a Redis that is asked nothing."""
    turn = Turn(Redis(), 60)
    turn.is_ours = True
    return turn


def test_a_turn_stays_ours_while_it_is_prolonged(turn):
    """Who looks while Redis is being asked sees what held until then."""
    seen = []

    def answer(*_):
        seen.append(turn.is_ours)
        return 1

    turn._take = answer
    assert turn.take()
    assert (seen, turn.is_ours) == ([True], True)


def test_a_turn_is_not_ours_when_redis_is_away(turn):
    """Then nobody knows, so nobody acts."""

    def fail(*_):
        raise RedisConnectionError

    turn._take = fail
    with pytest.raises(RedisConnectionError):
        turn.take()
    assert not turn.is_ours


def test_a_turn_that_another_one_has_is_lost(turn):
    """Whoever had it is told so."""
    turn._take = lambda *_: 0
    with pytest.raises(TurnLost):
        turn.take()
    assert not turn.is_ours
