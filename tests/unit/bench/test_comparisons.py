"""Claims, and how they are judged."""

from bench.comparisons import Comparison, Side, judge

SAMPLES = {
    "ours": {"rate": [800.0, 900.0, 1000.0]},
    "slow": {"rate": [10.0, 10.0, 10.0]},
    "fast": {"rate": [100.0, 90.0, 100.0]},
}
OURS, SLOW, FAST = (Side(arm, "rate") for arm in SAMPLES)


def test_a_claim_is_held_against_the_strongest_control():
    """Of several controls the one with the greatest median counts, and is named."""
    [verdict] = judge([Comparison("x the faster", OURS, 8, controls=(SLOW, FAST))], SAMPLES)

    assert verdict.against == "fast"
    assert verdict.value.median == 10
    assert verdict.is_met


def test_a_control_that_did_not_run_does_not_count():
    """Without BullMQ, Dramatiq alone is the control."""
    [verdict] = judge([Comparison("x", OURS, 8, controls=(Side("absent", "rate"), SLOW))], SAMPLES)

    assert verdict.against == "slow"


def test_a_claim_without_its_arm_or_any_control_is_not_judged():
    """Nothing is claimed of what has not run."""
    absent = Side("absent", "rate")

    assert judge([Comparison("x", absent, 8), Comparison("x", OURS, 8, controls=(absent,))], SAMPLES) == []


def test_a_ceiling_is_met_from_below():
    """For latencies and costs the target is the most that is allowed."""
    low, high = judge([Comparison("x", FAST, 100, is_floor=False), Comparison("x", OURS, 100, is_floor=False)], SAMPLES)

    assert low.is_met
    assert not high.is_met
