"""Reading what all child processes say, in one place and without threads."""

import os
import selectors
import time
from functools import partial
from typing import IO

from earshot.children import Process
from earshot.process_log import Lines, ProcessLog
from earshot.stop_signals import StopSignals

CHUNK_BYTES = 64 * 1024
HEAR_OUT_SECONDS = 0.2


class Listener:
    """Passes the output of processes on to the log, under the name each was announced with."""

    def __init__(self, log: ProcessLog, signals: StopSignals) -> None:
        self._log = log
        self._selector = selectors.DefaultSelector()
        self._selector.register(signals, selectors.EVENT_READ, signals.drain)

    def listen(self, name: str, process: Process) -> None:
        """Listen to a process until it and all that inherited its output have closed it."""
        if process.stdout is not None:
            os.set_blocking(process.stdout.fileno(), False)
            hear = partial(self._pass_on, name, process.stdout, Lines())
            self._selector.register(process.stdout, selectors.EVENT_READ, hear)

    def hear(self, seconds: float) -> bool:
        """Wait for somebody to speak or a signal to come, at most so long, and pass on what is there."""
        ready = self._selector.select(seconds)
        for key, _ in ready:
            key.data()
        return bool(ready)

    def hear_out(self) -> None:
        """Pass on all that has been said, for a moment: a program that never falls silent must not hold us up."""
        deadline = time.monotonic() + HEAR_OUT_SECONDS
        while self.hear(0) and time.monotonic() < deadline:
            pass

    def close(self) -> None:
        """Stop listening to anybody."""
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)
        self._selector.close()

    def _pass_on(self, name: str, output: IO[bytes], lines: Lines) -> None:
        try:
            chunk = os.read(output.fileno(), CHUNK_BYTES)
        except BlockingIOError:
            return
        for line in lines.feed(chunk) if chunk else lines.finish():
            self._log.line(name, line)
        if not chunk:
            self._selector.unregister(output)
            output.close()
