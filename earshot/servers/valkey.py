"""The embedded Valkey: one append-only file, every write on disk before it is acknowledged."""

import os
import signal
import socket
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from earshot.children import Command

PING_SECONDS = 1.0


@dataclass(frozen=True)
class Valkey:
    """How the server is started and asked. With `durable` false a crash may lose the last second: for tests only."""

    program: Path
    directory: Path
    sockets: Path
    log: Path
    lock: int
    durable: bool = True
    name: str = "valkey"
    variable: str = field(default="REDIS_URL", init=False)

    @property
    def socket(self) -> Path:
        return self.sockets / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}"

    def prepare(self) -> None:
        """Nothing to do: the server makes its file, replaces a socket left by a crash, and mends a cut-off file."""

    def command(self) -> Command:
        return Command(
            self.name,
            (str(self.program), *(word for name, value in self._settings() for word in (f"--{name}", value))),
            {"PATH": os.defpath, "TZ": "UTC"},
            stop_signal=signal.SIGTERM,
            orphan_signal=signal.SIGTERM,
            log=self.log,
            inherited=(self.lock,),
        )

    def is_ready(self) -> bool:
        """Ask for a sign of life; a server that is still reading its file answers with an error."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PING_SECONDS)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False

    def _settings(self) -> tuple[tuple[str, str], ...]:
        return (
            ("port", "0"),
            ("unixsocket", str(self.socket)),
            ("unixsocketperm", "700"),
            ("dir", str(self.directory)),
            ("appendonly", "yes"),
            ("appendfsync", "always" if self.durable else "everysec"),
            ("save", ""),
            ("maxmemory-policy", "noeviction"),
            # The longest field of a job, what it runs, has 76 bytes: so its hash stays compact.
            ("hash-max-listpack-value", "128"),
            ("daemonize", "no"),
        )
