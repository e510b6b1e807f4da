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


class OutOfTurn(RetryLater):
    """A notice stands behind another one of its channel: its turn comes, and no server is to blame."""


class NotDelivered(Exception):
    """Whoever is to take a notice does not at the moment: another attempt, which counts, may help."""

    def __init__(self, reason: str, pause_seconds: float = 0) -> None:
        """`pause_seconds` is how long the receiver asks to be left alone."""
        super().__init__(reason)
        self.pause_seconds = pause_seconds


class NotTaken(NotDelivered):
    """There was another answer than that the notice is taken, or a fault of ours: it may be the notice's own."""


class Unconfirmed(NotDelivered):
    """The receiver has the whole notice and did not say what becomes of it: another attempt may repeat it."""


class Undeliverable(NeverRetry):
    """A notice cannot be delivered: its receiver is gone for good, or must not be spoken to."""
