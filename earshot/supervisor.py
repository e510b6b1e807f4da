"""One loop over all child processes: pass on what they say, start again what ends, end them together."""

import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from earshot.backoff import Backoff
from earshot.children import Process, end, kill_session, session_members, signal_session
from earshot.errors import EarshotError, Stopped
from earshot.listening import Listener
from earshot.process_log import ProcessLog
from earshot.stop_signals import StopSignals

IDLE_SECONDS = 0.5
WAITING_SECONDS = 0.05
# What a dead program leaves running (a server's worker process with a request in hand) gets so long to finish.
LEFTOVER_SECONDS = 5.0


@dataclass
class Watched:
    """One program or server under supervision, in its present run or waiting for the next."""

    name: str
    start: Callable[[], Process]
    process: Process
    remark: str = ""
    started_at: float = field(default_factory=time.monotonic)
    backoff: Backoff = field(default_factory=Backoff)
    ended_at: float | None = None

    @property
    def is_running(self) -> bool:
        return self.ended_at is None

    @property
    def due_at(self) -> float:
        return (self.ended_at or 0.0) + self.backoff.delay_seconds


class Supervisor:
    """Holds the processes it was given, starts again the one that ends, until `end` is called for them."""

    def __init__(self, log: ProcessLog, signals: StopSignals) -> None:
        self._log = log
        self._signals = signals
        self._listener = Listener(log, signals)
        self._watched: dict[str, Watched] = {}
        self._is_ending = False

    def watch(
        self, name: str, start: Callable[[], Process], process: Process | None = None, *, remark: str = ""
    ) -> None:
        """Start something, or take over a process just started, and from now on start it again whenever it ends.

        `remark` is added to the line about an end.
        """
        watched = Watched(name, start, process or start(), remark)
        self._watched[name] = watched
        self._listener.listen(name, watched.process)

    def run_once(self, name: str, process: Process, seconds: float) -> int:
        """Wait for a process that is to end by itself and give its status; it is killed when the time is over."""
        self._listener.listen(name, process)
        try:
            self.wait(lambda: process.poll() is not None, seconds)
        finally:
            kill_session(process)
            self._listener.hear_out()
        return process.wait()

    def all_running(self, names: Iterable[str]) -> bool:
        """Tell whether each of these has a living process now."""
        return all(self._watched[name].process.poll() is None for name in names)

    def pid(self, name: str) -> int:
        """Tell the process that this program has now."""
        return self._watched[name].process.pid

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Do the work of the loop until the condition holds, at most so long; tell whether it did.

        Raises Stopped as soon as somebody asks for the end.
        """
        deadline = time.monotonic() + seconds
        while not self._is_stopped_or(condition):
            if time.monotonic() > deadline:
                return False
            self._turn(WAITING_SECONDS)
        return True

    def run(self) -> None:
        """Do the work of the loop until somebody asks for the end, which raises Stopped."""
        while not self._is_stopped_or(lambda: False):
            self._turn(IDLE_SECONDS)

    def end(self, names: Iterable[str], stop_signal: signal.Signals, seconds: float) -> None:
        """End these and all they have started; nothing is started again from now on. Another Ctrl-C kills at once."""
        self._is_ending = True
        leaving = [watched.process for name in names if (watched := self._watched.pop(name, None))]
        end(leaving, stop_signal, seconds=seconds, wait=self._wait_for_end)
        self._listener.hear_out()

    def close(self) -> None:
        """Kill whatever is still there."""
        for watched in self._watched.values():
            kill_session(watched.process)
        self._watched.clear()
        self._listener.hear_out()
        self._listener.close()

    def _turn(self, longest_seconds: float) -> None:
        self._listener.hear(self._pause(longest_seconds))
        if self._log.is_broken:  # Whoever read it has closed the terminal or the pipe.
            self._signals.request(signal.SIGPIPE)
        now = time.monotonic()
        for watched in () if self._is_ending else self._watched.values():
            self._look_after(watched, now)

    def _pause(self, longest_seconds: float) -> float:
        due = [watched.due_at - time.monotonic() for watched in self._watched.values() if not watched.is_running]
        return max(WAITING_SECONDS, min([longest_seconds, *due]))

    def _look_after(self, watched: Watched, now: float) -> None:
        if watched.is_running and watched.process.poll() is not None:
            self._note_end(watched, now)
        if not watched.is_running and now >= watched.due_at:
            self._start_again(watched, now)

    def _note_end(self, watched: Watched, now: float) -> None:
        self._listener.hear_out()
        watched.backoff = watched.backoff.after(now - watched.started_at)
        watched.ended_at = now
        signal_session(watched.process.pid, signal.SIGTERM)
        when = f" in {watched.backoff.delay_seconds:g} s" if watched.backoff.delay_seconds else ""
        self._log.say(f"{watched.name} {describe_end(watched.process)}; starting it again{when}{watched.remark}")

    def _start_again(self, watched: Watched, now: float) -> None:
        if session_members(watched.process.pid):
            if now > (watched.ended_at or now) + LEFTOVER_SECONDS:
                signal_session(watched.process.pid, signal.SIGKILL)
            return
        try:
            watched.process = watched.start()
        except EarshotError as error:
            self._log.say(f"{watched.name} cannot be started: {error}")
            watched.backoff, watched.ended_at = watched.backoff.after(0), now
        else:
            watched.started_at, watched.ended_at = now, None
            self._listener.listen(watched.name, watched.process)

    def _is_stopped_or(self, condition: Callable[[], bool]) -> bool:
        if self._signals.requested is not None:
            raise Stopped(self._signals.requested)
        return condition()

    def _wait_for_end(self, done: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not done() and time.monotonic() < deadline and not self._signals.is_insisted:
            self._turn(WAITING_SECONDS)
        return done()


def describe_end(process: Process) -> str:
    """Say how a process ended: by which signal, or with which status."""
    status = process.returncode
    if status is None or status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
