"""Waiting before a program is started again."""

from itertools import accumulate

from earshot.backoff import DELAYS_SECONDS, HEALTHY_SECONDS, Backoff


def test_short_runs_wait_ever_longer() -> None:
    """The first restart comes at once; the wait grows to its limit and stays there."""
    lives = [0.1] * 7
    states = list(accumulate(lives, lambda backoff, lived: backoff.after(lived), initial=Backoff()))[1:]
    assert [*DELAYS_SECONDS, DELAYS_SECONDS[-1], DELAYS_SECONDS[-1]] == [state.delay_seconds for state in states]


def test_a_healthy_run_starts_the_count_anew() -> None:
    """A program that lived long enough is started again at once, however often it died before."""
    worn = Backoff(short_runs=9)
    assert worn.after(HEALTHY_SECONDS).delay_seconds == 0
    assert DELAYS_SECONDS[1] == worn.after(HEALTHY_SECONDS).after(0).delay_seconds
