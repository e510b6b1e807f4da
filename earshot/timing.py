"""When made-up calls happen, and when their events are handed out."""

import heapq
import time
from collections.abc import Iterable, Iterator

import msgspec

from earshot.simulation import DAY_MS, Event, Plan, simulate_call

# Calls that go on side by side do not all begin in the same second.
STAGGER_MS = 4000


def at_rate(per_second: float, items: Iterable[bytes]) -> Iterator[bytes]:
    """Yield items at a steady rate; after a delay it catches up, so that the rate holds over all."""
    started = time.monotonic()
    for number, item in enumerate(items):
        time.sleep(max(0.0, started + number / per_second - time.monotonic()))
        yield item


def live_calls(seed: int, calls: int, at_once: int, plan: Plan) -> Iterator[bytes]:
    """Yield the bodies of calls that happen now, each when its moment comes; when one ends the next begins."""
    began = _now_ms()
    going: list[tuple[int, int, Event, Iterator[Event]]] = []
    for number in range(min(at_once, calls)):
        _begin(going, simulate_call(seed, number, plan, began, within_ms=1 + number * STAGGER_MS), number)
    next_number = len(going)
    while going:
        due, number, event, rest = heapq.heappop(going)
        time.sleep(max(0.0, (due - _now_ms()) / 1000))
        yield msgspec.json.encode(event)
        if not _begin(going, rest, number) and next_number < calls:
            _begin(going, simulate_call(seed, next_number, plan, _now_ms(), within_ms=STAGGER_MS), next_number)
            next_number += 1


def yesterday_ms() -> int:
    """Give the beginning of yesterday, UTC, in ms since 1970: all day the same seed makes the same calls."""
    return (_now_ms() // DAY_MS - 1) * DAY_MS


def _begin(going: list[tuple[int, int, Event, Iterator[Event]]], events: Iterator[Event], number: int) -> bool:
    """Put the next event of a call in line; False where it has none."""
    event = next(events, None)
    if event is None:
        return False
    heapq.heappush(going, (event["message"]["timestamp"], number, event, events))
    return True


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
