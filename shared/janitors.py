"""Which of several janitors acts: a key in Redis names it, and expires unless it is prolonged (workers/turns.py)."""

from typing import cast

from redis import Redis

KEY = "earshot:janitor"


def janitor_of(redis: Redis) -> str | None:
    """Name the janitor that acts, by its machine and process; None where none does. Raises RedisError."""
    holder = cast("bytes | None", redis.get(KEY))
    return None if holder is None else holder.decode(errors="replace")
