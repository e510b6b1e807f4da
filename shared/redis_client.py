"""Connect to Redis or Valkey."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError, RedisError  # noqa: A004 - redis names it so
from redis.retry import Retry

from shared.errors import QueueUnavailable


def connect_redis(url: str, timeout_seconds: float) -> Redis:
    """Make a client for a redis://, rediss:// or unix:// address; it connects when first used.

    A command whose connection breaks is sent once more: all that we send is safe to repeat. One that is not answered
    in time is not: whoever waits for us waits too.
    """
    return Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), retries=1, supported_errors=(ConnectionError,)),
    )


@contextmanager
def redis_faults_told() -> Iterator[None]:
    """Turn whatever Redis refuses, and its silence, into QueueUnavailable, by the name of the error alone."""
    try:
        yield
    except RedisError as error:
        raise QueueUnavailable(type(error).__name__) from error
