"""The order of the runs, and what becomes of an arm that fails."""

import pytest

from bench.plan import Arm
from bench.rounds import BenchError, readable, run_rounds


def arm(name, runs, fails_at=None):
    """An arm that notes when it runs, and fails in one of its runs if told so."""

    def run():
        runs.append(name)
        if fails_at == runs.count(name):
            raise BenchError("too slow\nand more about it")
        return {"rate": float(len(runs))}

    return Arm(name, run)


def test_arms_run_in_turn():
    """A B C A B C: what slows the machine for a while slows all of them."""
    runs = []

    samples, failed = run_rounds([arm("a", runs), arm("b", runs), arm("c", runs)], 2, lambda _: None)

    assert runs == ["a", "b", "c", "a", "b", "c"]
    assert samples == {"a": {"rate": [1, 4]}, "b": {"rate": [2, 5]}, "c": {"rate": [3, 6]}}
    assert failed == {}


def test_an_arm_that_fails_falls_out_and_the_others_go_on():
    """Its figures go too: ratios need all rounds of both sides. Only the first line of the reason is kept."""
    runs = []

    samples, failed = run_rounds([arm("a", runs, fails_at=2), arm("b", runs)], 3, lambda _: None)

    assert list(samples) == ["b"]
    assert runs == ["a", "b", "a", "b", "b"]
    assert failed == {"a": "failed: too slow"}


@pytest.mark.parametrize(("value", "text"), [(0.12345, "0.123"), (12.345, "12.3"), (1234.5, "1,234"), (0, "0")])
def test_numbers_are_written_for_people(value, text):
    """Three figures, or the whole of a large number."""
    assert readable(value) == text
