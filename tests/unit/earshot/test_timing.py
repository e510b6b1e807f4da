"""Calls that happen now: handed out when their moments come."""

import msgspec

from earshot import timing
from earshot.simulation import Plan
from earshot.timing import live_calls


class Clock:
    """A clock that sleeping moves on."""

    def __init__(self, monkeypatch) -> None:
        self.now_ms = 1_700_000_000_000.0
        monkeypatch.setattr(timing.time, "sleep", self.sleep)
        monkeypatch.setattr(timing.time, "time_ns", lambda: int(self.now_ms * 1_000_000))

    def sleep(self, seconds: float) -> None:
        self.now_ms += seconds * 1000


def test_each_event_comes_when_its_moment_does(monkeypatch):
    """The clock has reached an event's time when it is handed out, and is not past it."""
    clock = Clock(monkeypatch)
    for body in live_calls(1, 5, 2, Plan(4)):
        assert abs(msgspec.json.decode(body)["message"]["timestamp"] - clock.now_ms) <= 1


def test_so_many_calls_go_on_at_a_time_and_all_are_told(monkeypatch):
    """Two go on side by side, the next begins when one has ended, and each comes to its report."""
    Clock(monkeypatch)
    going, ended = set(), set()
    for body in live_calls(1, 5, 2, Plan(4)):
        message = msgspec.json.decode(body)["message"]
        going.add(message["call"]["id"])
        assert len(going - ended) <= 2
        if message["type"] == "end-of-call-report":
            ended.add(message["call"]["id"])
    assert len(ended) == 5
