"""A tap on the way between a worker and its servers: it counts the commands, and does a fault at one of them."""

import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from tests.faults.wire import READY, Wire

When = Literal["before", "after"]
# What would be after them is before the next command.
WITHOUT_REPLY = ("SUBSCRIBE", "UNSUBSCRIBE", "flush", "goodbye")
CHUNK = 1 << 16
CLOSE_SECONDS = 2.0


class Point(NamedTuple):
    """The n-th command of a name in a run: names make it the same point whatever else runs beside."""

    command: str
    occurrence: int


class Fault(NamedTuple):
    """Where a fault is done: before a command reaches its server, or after it was executed, its reply unread."""

    point: Point
    when: When

    def __str__(self) -> str:
        return f"{self.when} {self.point.command} #{self.point.occurrence}"


class Tap:
    """What the proxies of one worker share: the commands seen, and the fault to do. `strike` does it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.watch()

    def watch(self, fault: Fault | None = None, strike: Callable[[], None] = lambda: None) -> None:
        """Begin a run."""
        with self._lock:
            self.seen: list[Point] = []
            self.struck_at: float | None = None
            self._counts: Counter[str] = Counter()
            self._fault, self._strike = fault, strike

    def pass_by(self, command: str) -> When | None:
        """Count a command; tells whether the fault is to be done at it."""
        with self._lock:
            self._counts[command] += 1
            point = Point(command, self._counts[command])
            self.seen.append(point)
            fault = self._fault
        return fault.when if fault and fault.point == point else None

    def strike(self) -> None:
        """Do the fault."""
        self.struck_at = time.monotonic()
        self._strike()

    def has_seen(self, command: str) -> bool:
        """Tell whether a command of this name has come by."""
        return self._counts[command] > 0


class Proxy:
    """Listens on a unix socket and passes on to a server; a fault ends the connection it is done on."""

    def __init__(self, path: Path, upstream: Path, wire: Callable[[], Wire], tap: Tap) -> None:
        self._upstream, self._wire, self._tap = upstream, wire, tap
        self._links: set[Link] = set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def is_quiet(self) -> bool:
        """Tell whether no connection is left: everything that was sent has reached the server."""
        return not any(link.is_open for link in list(self._links))

    def close(self) -> None:
        """Listen no more, and end what is left."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for link in list(self._links):
            link.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._links = {link for link in self._links if link.is_open}
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self._upstream))
        except OSError:
            client.close()
            server.close()
            return
        self._links.add(Link(client, server, self._wire(), self._tap))


class Link:
    """One connection of a worker."""

    def __init__(self, client: socket.socket, server: socket.socket, wire: Wire, tap: Tap) -> None:
        self._client, self._server, self._wire, self._tap = client, server, wire, tap
        self._awaited: deque[tuple[str, bool]] = deque()
        self.is_open = True
        self._up = threading.Thread(target=self._carry_up, daemon=True)
        self._down = threading.Thread(target=self._carry_down, daemon=True)
        self._up.start()
        self._down.start()

    def close(self) -> None:
        """End the connection."""
        self._cut()
        self._down.join(CLOSE_SECONDS)

    def _carry_up(self) -> None:
        stream = bytearray()
        with suppress(OSError):
            while self._forward(stream) and (chunk := self._client.recv(CHUNK)):
                stream += chunk
        # What was sent is still read by the server; then it sees the end.
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_WR)

    def _forward(self, stream: bytearray) -> bool:
        for command, awaited, sent in self._wire.commands(stream):
            when = self._tap.pass_by(command)
            if when == "before":
                self._tap.strike()
                self._cut()
                return False
            if awaited:
                self._awaited.append((awaited, when == "after"))
            self._server.sendall(sent)
        return True

    def _carry_down(self) -> None:
        stream = bytearray()
        with suppress(OSError):
            while chunk := self._server.recv(CHUNK):
                stream += chunk
                self._answer(stream)
            self._client.sendall(stream)
        self._cut()
        self._up.join(CLOSE_SECONDS)
        self._client.close()
        self._server.close()
        self.is_open = False

    def _answer(self, stream: bytearray) -> None:
        for kind, sent in self._wire.replies(stream):
            if self._is_to_be_lost(kind):
                self._tap.strike()
                self._cut()
            self._client.sendall(sent)

    def _is_to_be_lost(self, kind: str) -> bool:
        # After an error the server passes over commands up to where it is ready again.
        while kind == READY and self._awaited and self._awaited[0][0] != READY:
            self._awaited.popleft()
        if not self._awaited or self._awaited[0][0] != kind:
            return False
        return self._awaited.popleft()[1]

    def _cut(self) -> None:
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)
