"""What both arms have in common when they run as whole systems: workers, and promises."""

import os
import signal
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from multiprocessing.process import BaseProcess

from shared.event_records import StoredEvent
from tests.faults.oracle import Pair
from tests.faults.stand import Stand, kill

ANSWER_SECONDS = 20.0


class RunningSystem:
    """A pipeline at work: who works, with the queue of each; what it has promised to store; what it refused."""

    def __init__(self, stand: Stand, changed: Mapping[str, str] | None = None) -> None:
        self.stand = stand
        self.changed = dict(changed or {})
        self.acknowledged: list[Pair] = []
        self.refused: list[StoredEvent] = []
        self.workers: list[tuple[str, BaseProcess]] = []
        self._noting = threading.Lock()

    def note(self, event: StoredEvent, stages: Iterable[str], *, is_accepted: bool) -> None:
        """Write down what was answered for an event."""
        with self._noting:
            if is_accepted:
                self.acknowledged += [(stage, event) for stage in stages]
            else:
                self.refused.append(event)

    def stop_workers(self) -> None:
        """End the workers, the frozen ones too."""
        for _, worker in self.workers:
            with suppress(ProcessLookupError):
                os.kill(worker.pid or 0, signal.SIGCONT)
            kill(worker)
