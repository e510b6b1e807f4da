"""Parts of a page that may be missing: while one server is away, what the other one knows is shown."""

import logging
from collections.abc import Callable
from typing import Literal, TypeVar

from console import patience
from console.patience import TookTooLong, read_in_time
from shared.errors import DatabaseUnavailable, QueueUnavailable
from shared.logs import log

Part = TypeVar("Part")
Server = Literal["PostgreSQL", "Redis"]


class Reachable:
    """Reads the parts of one page. Whoever has waited in vain for a server once does not do so again."""

    def __init__(self) -> None:
        self.silent: set[Server] = set()

    def read(self, server: Server, read: Callable[[], Part]) -> Part | None:
        """Read a part that a server knows; None where that cannot be read, or not in time, which the log tells."""
        if server in self.silent:
            return None
        try:
            return read_in_time(read, patience.PATIENCE_SECONDS)
        except (QueueUnavailable, DatabaseUnavailable) as error:
            self._give_up(server, str(error))
        except TookTooLong:
            self._give_up(server, "no answer in time")
        return None

    def _give_up(self, server: Server, reason: str) -> None:
        self.silent.add(server)
        log(logging.WARNING, "console.unavailable", server=server, reason=reason)
