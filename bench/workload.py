"""The events that all arms get: conversation-updates of made-up calls, the same for the same seed. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest

import msgspec

from earshot.simulation import Event, Plan, simulate_call

SEED = 20
EVENT_TYPE = "conversation-update"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One event: its body, and the message that no event before it held."""

    call_id: str
    message_id: str
    body: bytes


def call_snapshots(number: int, messages: int, *, cut_short: bool = False) -> list[Snapshot]:
    """Make the events of one call, one for each message; `cut_short` gives each message an interruption to tell of."""
    snapshots = []
    for event in simulate_call(SEED, number, Plan(messages=messages)):
        if event["message"]["type"] == EVENT_TYPE:
            if cut_short:
                _cut_short(event)
            snapshots.append(_snapshot(event))
    return snapshots


@lru_cache(maxsize=4)
def backlog(calls: int, messages: int, in_flight: int, first: int = 0) -> Sequence[Snapshot]:
    """Make the events of many calls in the order they come in when `in_flight` calls are under way at a time."""
    groups = (range(start, min(start + in_flight, first + calls)) for start in range(first, first + calls, in_flight))
    return tuple(snapshot for group in groups for snapshot in in_turn(group, messages))


def in_turn(numbers: Sequence[int], messages: int, *, cut_short: bool = False) -> Iterator[Snapshot]:
    """Make the events of calls that go on side by side: the first of each, then the second of each, and so on."""
    calls = [call_snapshots(number, messages, cut_short=cut_short) for number in numbers]
    for row in zip_longest(*calls):
        yield from (snapshot for snapshot in row if snapshot)


def _snapshot(event: Event) -> Snapshot:
    message = event["message"]
    return Snapshot(message["call"]["id"], message["messages"][-1]["messageId"], msgspec.json.encode(event))


def _cut_short(event: Event) -> None:
    for message in event["message"]["messages"]:
        message["skippedAssistantMessages"] = [{"messageId": "welcome-1", "text": "As I was saying."}]
