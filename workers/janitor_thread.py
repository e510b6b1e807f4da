"""A thread of the janitor's that keeps something while it is the janitor's turn, on a connection of its own."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

from shared.database import Database

STAND_BY_SECONDS = 1.0
STOP_SECONDS = 0.5


class JanitorThread(ABC):
    """Start it once, and stop it before the process ends."""

    def __init__(self, name: str, database: Database, is_our_turn: Callable[[], bool]) -> None:
        self._database = database
        self._is_our_turn = is_our_turn
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End between two steps; a step that takes longer is left behind, and PostgreSQL undoes it."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)

    @abstractmethod
    def _work(self) -> float:
        """Do what is due; returns for how many seconds to rest then."""

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._stopping.wait(self._work() if self._is_our_turn() else self._stand_by())
        self._database.close()

    def _stand_by(self) -> float:
        self._database.close()
        return STAND_BY_SECONDS
