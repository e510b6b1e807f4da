"""Run the programs as processes, post to them nothing but what a test says, and wait for what a test expects."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

DEADLINE_SECONDS = 20.0
LOOK_SECONDS = 0.02

Program = subprocess.Popen[str]


def wait_for(condition: Callable[[], object], seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until a condition holds; fails the test when it does not within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(LOOK_SECONDS)


@contextmanager
def program(*arguments: str, settings: Mapping[str, str], log: Path) -> Iterator[Program]:
    """Run `earshot ARGUMENTS` until the block ends; what it prints goes to `log`."""
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    with log.open("a") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "earshot", *arguments],
            env={**environment, **settings},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
