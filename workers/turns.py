"""Whose turn it is: of several janitors one acts, by a key in Redis that expires unless its holder prolongs it."""

import os
import secrets
import socket
from contextlib import suppress
from importlib.resources import files

from redis import Redis
from redis.exceptions import RedisError

from shared import janitors

KEY = janitors.KEY


class TurnLost(Exception):
    """Somebody else acts by now: this one was too slow, or Redis has forgotten it."""


class Turn:
    """One janitor's claim to act. Its token names machine and process, for a person to see."""

    def __init__(self, redis: Redis, seconds: float) -> None:
        """Remember for how many seconds a turn holds that is not prolonged."""
        self.token = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.is_ours = False
        self._milliseconds = int(seconds * 1000)
        self._take, self._end = (
            redis.register_script(files("shared").joinpath(f"lua/{name}.lua").read_text())
            for name in ("take_turn", "end_turn")
        )

    def take(self) -> bool:
        """Take the turn, or prolong it; tells whether it is ours. Raises RedisError; then nobody knows."""
        was_ours = self.is_ours
        try:
            self.is_ours = self._take([KEY], [self.token, self._milliseconds]) == 1
        except RedisError:
            self.is_ours = False
            raise
        if was_ours and not self.is_ours:
            raise TurnLost
        return self.is_ours

    def end(self) -> None:
        """Let another janitor act at once, if it was our turn. A Redis that is away is left to forget it."""
        if self.is_ours:
            self.is_ours = False
            with suppress(RedisError):
                self._end([KEY], [self.token])
