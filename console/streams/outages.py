"""Tell of an outage twice: when it begins and when it ends, however often it is met in between."""

import logging

from shared.logs import log


class Outage:
    """Of one server, as one thread meets it."""

    def __init__(self, server: str) -> None:
        self._server = server
        self.is_on = False

    def began(self, reason: str) -> None:
        """Note that the server could not be reached."""
        if not self.is_on:
            log(logging.WARNING, "console.waiting", server=self._server, reason=reason)
        self.is_on = True

    def ended(self) -> None:
        """Note that it answers."""
        if self.is_on:
            log(logging.INFO, "console.resumed", server=self._server)
        self.is_on = False
