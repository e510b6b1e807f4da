"""Running `earshot` as a person does, for tests: a process, what it has said so far, and all it has started."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from earshot.children import LAUNCHER, wait_until

PATIENCE_SECONDS = 30.0
FORGOTTEN = (
    *("REDIS_URL", "DATABASE_URL", "WEBHOOK_SECRETS", "CONSOLE_TOKENS", "PORT", "CONSOLE_PORT"),
    *("EARSHOT_DATA_DIR", "HOST"),
)


def free_port() -> int:
    """Find a port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EarshotCommand:
    """One run of `earshot`; its standard output and standard error are in `output`. Killed when the context ends."""

    def __init__(
        self,
        *arguments: str | Path,
        directory: Path,
        identity: str = "same",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self._seen: set[int] = set()
        self._written = tempfile.NamedTemporaryFile(prefix="earshot-output-")  # noqa: SIM115 - closed in __exit__
        environment = {name: value for name, value in os.environ.items() if name not in FORGOTTEN}
        launch = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(int(signal.SIGKILL)), identity]
        command = [sys.executable, "-P", "-m", "earshot", *map(str, arguments), "--data-dir", str(directory)]
        self.process = subprocess.Popen(
            [*launch, *command],
            stdin=subprocess.DEVNULL,
            stdout=self._written,
            stderr=subprocess.STDOUT,
            env={**environment, **(variables or {})},
            start_new_session=True,
        )

    def __enter__(self) -> "EarshotCommand":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_in_order()
        self._written.close()

    @property
    def output(self) -> str:
        return Path(self._written.name).read_text(errors="replace")

    def wait_for(self, text: str) -> None:
        """Wait until it has said this; fails with all it said when it ends or keeps silent."""
        wait_until(lambda: text in self.output or self.process.poll() is not None, PATIENCE_SECONDS)
        assert text in self.output, self.output

    def wait(self) -> int:
        """Wait for its end and give its status."""
        return self.process.wait(PATIENCE_SECONDS)

    def end(self, signal_number: signal.Signals) -> int:
        """Send it a signal, wait for its end and give its status."""
        self.process.send_signal(signal_number)
        return self.wait()

    def processes(self) -> dict[int, str]:
        """Find all living processes that work on its directory, and what those started; by number, with command.

        One that was seen once is found again after its parent has gone.
        """
        mentions = os.fsencode(self.directory)
        numbers = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]  # noqa: PTH208
        parents = {number: parent for number in numbers if (parent := _parent_of(number))}
        self._seen |= {number for number in parents if any(mentions in text for text in _told_to(number))}
        while more := {number for number, parent in parents.items() if parent in self._seen} - self._seen:
            self._seen |= more
        return {number: _words(number) for number in sorted(self._seen & set(parents))}

    def _end_in_order(self) -> None:
        # Not by SIGKILL at once: that would leave the children of the programs that a test made up.
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def process_of(self, words: str) -> int:
        """Wait for the process whose command holds these words, and give its number."""
        wait_until(lambda: any(words in command for command in self.processes().values()), PATIENCE_SECONDS)
        return min(number for number, command in self.processes().items() if words in command)


def _told_to(number: int) -> list[bytes]:
    try:
        return [Path(f"/proc/{number}/{part}").read_bytes() for part in ("cmdline", "environ")]
    except OSError:
        return []


def _parent_of(number: int) -> int:
    """Give the parent's number of a living process, 0 for a dead one."""
    try:
        state, parent, *_ = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if state == "Z" else int(parent)


def _words(number: int) -> str:
    return (_told_to(number) or [b""])[0].decode(errors="replace").replace("\0", " ")
