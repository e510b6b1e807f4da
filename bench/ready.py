"""How a process of the bench tells that it has started: imports done, connections made."""

from typing import Any

KEY = "bench:ready"


def tell_ready(redis: Any) -> None:
    """Count this process among those that are ready."""
    redis.incr(KEY)


def count_ready(redis: Any) -> int:
    """Count the processes that are ready."""
    return int(redis.get(KEY) or 0)
