"""What can go wrong with an event, in two families that decide what becomes of it.

A third family needs no class: any other exception is retried with a growing pause, and ends as a dead letter.
"""


class NeverRetry(Exception):
    """The event itself is bad: trying again cannot help. It becomes a dead letter at once."""


class RetryLater(Exception):
    """A server cannot be reached or cannot serve: the event is fine, and the attempt does not count."""


class BadEvent(NeverRetry):
    """The stored body of an event cannot be read, or PostgreSQL refuses a value made of it."""


class ForbiddenTask(NeverRetry):
    """A job names a function that is no stage: whoever wrote it into Redis must not thereby run code."""


class DatabaseUnavailable(RetryLater):
    """PostgreSQL is unreachable, read-only, starting, out of connections or disk, or lacks a table or a grant."""


class QueueUnavailable(RetryLater):
    """Redis is unreachable, read-only, loading or out of memory."""
