"""What can happen to events on their way: some are lost, some come twice, some come late. Pure."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# A late event lets this many others pass.
LATEST = 20


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Shares, 0 to 1, of the events that are lost, sent twice, or sent late."""

    lose: float = 0
    duplicate: float = 0
    reorder: float = 0


def disturbed(events: Iterable[bytes], disturbance: Disturbance, seed: int) -> Iterator[bytes]:
    """Pass events on as a bad network would; the same seed disturbs the same events."""
    chance = random.Random(seed)  # noqa: S311 - made-up trouble, no secret
    late: list[tuple[int, bytes]] = []
    for place, event in enumerate(events):
        yield from _due(late, place)
        if chance.random() < disturbance.lose:
            continue
        if chance.random() < disturbance.reorder:
            late.append((place + chance.randint(1, LATEST), event))
            continue
        yield event
        if chance.random() < disturbance.duplicate:
            late.append((place + chance.randint(1, LATEST), event))
    yield from (event for _, event in late)


def _due(late: list[tuple[int, bytes]], place: int) -> Iterator[bytes]:
    due = [entry for entry in late if entry[0] <= place]
    for entry in due:
        late.remove(entry)
        yield entry[1]
