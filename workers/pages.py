"""Long lists in pieces: no call holds Redis up for long, whatever the backlog."""

from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import TypeVar, cast

from redis import Redis

Item = TypeVar("Item")

# A script looks at so many events, or so many jobs are asked for at once: about a millisecond of the server's time.
PAGE = 200
LONG_PAGE = 5000


def pages(items: Iterable[Item], size: int = PAGE) -> Iterator[list[Item]]:
    """Cut into lists of `size`; the last may be shorter."""
    remaining = iter(items)
    while page := list(islice(remaining, size)):
        yield page


def read_queue(redis: Redis, key: str) -> Iterator[list[bytes]]:
    """Read a queue's list in pages, from its end to its front.

    Counted from the end no place moves when jobs are taken from the front; a job that is pushed meanwhile makes us read
    one twice. Read the other way, jobs that slip forward would be missed.
    """
    for number in count():
        end = -1 - number * LONG_PAGE
        page = cast("list[bytes]", redis.lrange(key, end - LONG_PAGE + 1, end))
        if not page:
            return
        yield page


def scan_hashes(redis: Redis, pattern: str) -> Iterator[list[bytes]]:
    """Find the hashes whose key matches, in pages; a key that is there all the time is found at least once."""
    return pages(redis.scan_iter(match=pattern, count=1000, _type="HASH"))
