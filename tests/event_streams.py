"""Read server-sent events as a browser does: in the background, event by event, remembering the last id."""

import http.client
import json
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple

from tests.consoles import BEARER, RunningConsole

JOIN_SECONDS = 5.0


class Event(NamedTuple):
    """An event that came: its name, and the row."""

    name: str
    row: dict[str, Any]


class EventReader:
    """Reads chunks of bytes in a thread until they end; `end` makes them end, and `close` comes last."""

    def __init__(
        self, chunks: Iterable[bytes], end: Callable[[], None], close: Callable[[], None] = lambda: None
    ) -> None:
        self.events: list[Event] = []
        self.last_id: int | None = None
        self.signs_of_life = 0
        self.is_over = False
        self._chunks, self._end, self._close = chunks, end, close
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "EventReader":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self._thread.join(JOIN_SECONDS)
        self._close()

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Give the rows of all events of a name, in the order they came."""
        return [event.row for event in list(self.events) if event.name == name]

    def message_ids(self) -> list[str]:
        """Name the messages that were told, in the order they came."""
        return [row["message_id"] for row in self.rows("message")]

    def _read(self) -> None:
        waiting = b""
        with suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            for chunk in self._chunks:
                *blocks, waiting = (waiting + chunk).split(b"\n\n")
                for block in blocks:
                    self._take(block.decode())
        self.is_over = True

    def _take(self, block: str) -> None:
        fields = dict(line.split(":", 1) for line in block.splitlines())
        if "data" in fields:
            self.events.append(Event(fields["event"].strip(), json.loads(fields["data"])))
        if "id" in fields:
            self.last_id = int(fields["id"])
        self.signs_of_life += "" in fields


def open_stream(console: RunningConsole, path: str, **headers: str) -> EventReader:
    """Open a stream of a running console. Fails the test when it is refused."""
    connection = console.connect()
    connection.request("GET", path, headers={**BEARER, **headers})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    sock = connection.sock
    assert sock

    def end() -> None:
        with suppress(OSError):
            sock.shutdown(2)

    def close() -> None:
        response.close()
        connection.close()

    return EventReader(iter(lambda: response.read1(1 << 16), b""), end, close)
