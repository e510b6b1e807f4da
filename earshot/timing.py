"""Handing things out evenly over time."""

import time
from collections.abc import Iterable, Iterator


def at_rate(per_second: float, items: Iterable[bytes]) -> Iterator[bytes]:
    """Yield items at a steady rate; after a delay it catches up, so that the rate holds over all."""
    started = time.monotonic()
    for number, item in enumerate(items):
        time.sleep(max(0.0, started + number / per_second - time.monotonic()))
        yield item
