"""Parts of a page that may be missing: while one server is away, what the other one knows is shown."""

import logging
from collections.abc import Callable
from typing import TypeVar

from shared.errors import DatabaseUnavailable, QueueUnavailable
from shared.logs import log

Part = TypeVar("Part")


def reachable(read: Callable[[], Part]) -> Part | None:
    """Read a part; None where its server cannot be read, which the log tells."""
    try:
        return read()
    except QueueUnavailable as error:
        log(logging.WARNING, "console.unavailable", server="Redis", reason=str(error))
    except DatabaseUnavailable as error:
        log(logging.WARNING, "console.unavailable", server="PostgreSQL", reason=str(error))
    return None
