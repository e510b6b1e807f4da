"""A fault in the middle of a load: calls go on side by side, something breaks, and then all promises are counted."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from earshot.simulation import Plan, simulate_calls
from shared.event_records import StoredEvent
from shared.publisher import event_id_of
from tests.calls import RECEIVED_AT_MS, stored
from tests.faults.earshot_system import EarshotSystem
from tests.faults.plain_system import PlainSystem
from tests.faults.stand import Stand, wait_for
from tests.faults.verdicts import Verdict

CALLS, MESSAGES, AT_ONCE = 30, 8, 6
EVENTS_A_SECOND = 80.0
SENDERS = 4
FAULT_AT = 0.3  # of the load
RECOVERY_SECONDS = 30.0

System = EarshotSystem | PlainSystem
Sent = tuple[StoredEvent, bytes]


@dataclass(frozen=True, slots=True)
class Load:
    """Events and how fast they come."""

    events: Sequence[Sent]
    events_a_second: float = EVENTS_A_SECOND

    @classmethod
    def of_calls(cls, seed: int, *, calls: int = CALLS, events_a_second: float = EVENTS_A_SECOND) -> "Load":
        """Make up calls."""
        bodies = simulate_calls(seed, calls, AT_ONCE, Plan(MESSAGES, barge_in=0.3))
        return cls([(stored(body), body) for body in bodies], events_a_second)


def unreadable(body: bytes, reason: str = "malformed_json") -> Sent:
    """Make a delivery that belongs in quarantine."""
    return StoredEvent(event_id_of(body), "", "", RECEIVED_AT_MS, body, reason), body


def under_load(
    scenario: str, system: System, load: Load, fault: Callable[[], int], *, recovery_seconds: float = RECOVERY_SECONDS
) -> Verdict:
    """Start a system, send the load, do the fault meanwhile, and judge. `fault` returns how often it struck."""
    system.stand.clear()
    system.stand.forget_log()
    verdict = Verdict(scenario, system.name)
    system.start()
    try:
        with _Sending(system, load) as sending:
            sending.await_share(FAULT_AT)
            verdict.points = fault()
            ended_at = time.monotonic()
        settle(system, recovery_seconds)
        verdict.seconds = time.monotonic() - ended_at
        judge(system, verdict)
    finally:
        system.stop()
    return verdict


def settle(system: System, seconds: float) -> bool:
    """Wait until all promises are kept, tending what has died; tell whether they were in time."""

    def is_settled() -> bool:
        system.tend()
        return not system.unsettled()

    return wait_for(is_settled, seconds, 0.1)


def judge(system: System, verdict: Verdict) -> None:
    """Count what came out."""
    unsettled = system.unsettled()
    difference = system.compare()
    verdict.acknowledged = len(system.acknowledged)
    verdict.dead = system.dead()
    # The call of a refused event cannot be compared, since it may have been stored all the same.
    unsure = _owners(system.refused) | _owners(event for _, event in unsettled)
    if isinstance(system, EarshotSystem):
        gone = [pair for pair in unsettled if not system.is_known(pair)]
        verdict.unsettled, verdict.lost = len(unsettled) - len(gone), len(gone)
    else:
        failed = system.failed()
        unsure |= _owners(event for stage, event in system.acknowledged if f"{event.event_id}-{stage}" in failed)
        verdict.unsettled = len(unsettled)
    verdict.lost += len(difference.lost - unsure)
    verdict.doubled, verdict.wrong = len(difference.doubled - unsure), len(difference.wrong - unsure)
    if system.refused:
        verdict.note(f"{len(system.refused)} refused")
    if "DeadlockDetected" in system.stand.log_text():
        verdict.note("a deadlock in the log")
        verdict.wrong += 1


def _owners(events: Iterable[StoredEvent]) -> set[str]:
    return {event.call_id or event.event_id for event in events}


class _Sending:
    """Sends a load from threads of its own, so that the fault can be done in the main one."""

    def __init__(self, system: System, load: Load) -> None:
        self._system, self._load = system, load
        self._sent = 0
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> "_Sending":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def await_share(self, share: float) -> None:
        """Wait until a share of the events has been handed over."""
        while self._thread.is_alive() and self._sent < share * len(self._load.events):
            time.sleep(0.01)

    def _send(self) -> None:
        with ThreadPoolExecutor(SENDERS) as senders:
            for sent in _paced(self._load):
                senders.submit(self._hand_over, sent)

    def _hand_over(self, sent: Sent) -> None:
        self._system.send(*sent)
        self._sent += 1


def _paced(load: Load) -> Iterable[Sent]:
    began = time.monotonic()
    for number, sent in enumerate(load.events):
        ahead = number / load.events_a_second - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)
        yield sent


def systems(stand: Stand) -> list[System]:
    """Both arms."""
    return [EarshotSystem(stand), PlainSystem(stand)]
