"""Cut the byte streams of Redis and PostgreSQL into commands and replies. Pure."""

import re
import struct
from collections.abc import Iterator
from hashlib import sha1
from importlib.resources import files
from typing import Protocol

Place = int
READY, COMPLETE = "ready", "complete"


class Wire(Protocol):
    """How a server's protocol is cut; the streams hold the bytes that have come so far, and whole pieces are taken off.

    A piece of the server's has a kind; a command is answered by the next piece of the kind that it awaits.
    """

    def commands(self, stream: bytearray) -> Iterator[tuple[str, str, bytes]]:
        """Take whole commands: what each is called, the kind of piece that it awaits or nothing, and its bytes."""

    def replies(self, stream: bytearray) -> Iterator[tuple[str, bytes]]:
        """Take whole pieces: the kind of each, and its bytes."""


class RedisWire:
    """RESP, version 2 or 3. What is told without having been asked for is of no kind."""

    def commands(self, stream: bytearray) -> Iterator[tuple[str, str, bytes]]:
        """Take whole commands."""
        while (end := _resp_end(stream, 0)) is not None:
            taken = _take(stream, end)
            name = _redis_name(_words(taken))
            yield name, "" if "SUBSCRIBE" in name else "reply", taken

    def replies(self, stream: bytearray) -> Iterator[tuple[str, bytes]]:
        """Take whole replies and pushes."""
        while (end := _resp_end(stream, 0)) is not None:
            taken = _take(stream, end)
            yield "" if taken.startswith(b">") else "reply", taken


class PostgresWire:
    """PostgreSQL's protocol 3, in its simple and its extended form, with and without pipelines.

    A command ends with an Execute, Query, Sync, Flush or Terminate. An Execute is answered when complete, what ends
    with a Query or a Sync when the server is ready again.
    """

    def __init__(self) -> None:
        self._has_begun = False

    def commands(self, stream: bytearray) -> Iterator[tuple[str, str, bytes]]:
        """Take whole commands."""
        while (end := self._command_end(stream)) is not None:
            taken = _take(stream, end)
            is_start, self._has_begun = not self._has_begun, True
            yield ("connect", READY, taken) if is_start else (_postgres_name(taken), _awaited_by(taken), taken)

    def replies(self, stream: bytearray) -> Iterator[tuple[str, bytes]]:
        """Take runs of messages up to one that answers."""
        while (end := _messages_end(stream, b"ZCEIs")) is not None:
            last = _last_type(stream, end)
            yield READY if last == b"Z" else COMPLETE, _take(stream, end)

    def _command_end(self, stream: bytearray) -> Place | None:
        if self._has_begun:
            return _messages_end(stream, b"QSXEH")
        return _whole(stream, _length(stream, 0)) if len(stream) >= 4 else None


def _take(stream: bytearray, end: Place) -> bytes:
    taken = bytes(stream[:end])
    del stream[:end]
    return taken


def _resp_end(stream: bytearray, start: Place) -> Place | None:
    """Find where the RESP value that starts here ends; None while it is not whole."""
    line_end = stream.find(b"\r\n", start)
    if line_end < 0:
        return None
    kind, after = bytes(stream[start : start + 1]), line_end + 2
    if kind in (b"$", b"=", b"!"):
        size = int(stream[start + 1 : line_end])
        return after if size < 0 else _whole(stream, after + size + 2)
    if kind in (b"*", b"~", b">", b"%"):
        items = max(int(stream[start + 1 : line_end]), 0) * (2 if kind == b"%" else 1)
        return _items_end(stream, after, items)
    return after


def _items_end(stream: bytearray, start: Place, items: int) -> Place | None:
    end: Place | None = start
    for _ in range(items):
        end = None if end is None else _resp_end(stream, end)
    return end


def _whole(stream: bytearray, end: Place) -> Place | None:
    return end if end <= len(stream) else None


def _words(command: bytes) -> list[str]:
    parts = command.split(b"\r\n", 8)
    return [part.decode(errors="replace") for part in parts[2::2][:3]]


def _scripts() -> dict[str, str]:
    found = files("shared").joinpath("lua").iterdir()
    return {sha1(file.read_bytes(), usedforsecurity=False).hexdigest(): file.name for file in found}


SCRIPTS = _scripts()


def _redis_name(words: list[str]) -> str:
    name, *rest = words
    if name.startswith("EVAL") and rest:
        digest = rest[0] if name == "EVALSHA" else sha1(rest[0].encode(), usedforsecurity=False).hexdigest()
        return f"{name} {SCRIPTS.get(digest, digest[:8])}"
    key = re.match(r"(?:rq|earshot):[a-z]+", rest[0]) if rest else None
    return f"{name} {key[0]}" if key else name


def _length(stream: bytes | bytearray, start: Place) -> int:
    (length,) = struct.unpack_from("!i", stream, start)
    return int(length)


def _messages_end(stream: bytearray, last: bytes) -> Place | None:
    """Find the end of the first message of one of the types `last`."""
    start = 0
    while start + 5 <= len(stream):
        end = start + 1 + _length(stream, start + 1)
        if end > len(stream):
            return None
        if stream[start] in last:
            return end
        start = end
    return None


def _types(stream: bytes | bytearray, end: Place) -> Iterator[tuple[bytes, Place]]:
    start = 0
    while start < end:
        yield bytes(stream[start : start + 1]), start
        start += 1 + _length(stream, start + 1)


def _last_type(stream: bytes | bytearray, end: Place) -> bytes:
    return [kind for kind, _ in _types(stream, end)][-1]


def _awaited_by(command: bytes) -> str:
    return {b"E": COMPLETE, b"Q": READY, b"S": READY}.get(_last_type(command, len(command)), "")


def _postgres_name(command: bytes) -> str:
    for kind, start in _types(command, len(command)):
        if kind == b"Q":
            return _sql_name(command[start + 5 :])
        if kind == b"P":
            return _sql_name(command[start + 5 :].partition(b"\0")[2])
        if kind == b"B":
            return "prepared"
    return {b"S": "sync", b"H": "flush", b"X": "goodbye"}.get(command[:1], "close")


def _sql_name(text: bytes) -> str:
    found = re.match(rb"(?:\s|--[^\n]*\n)*(\w+)(?:\s+into\s+(\w+))?", text)
    return " ".join(word.decode().lower() for word in found.groups() if word) if found else "sql"
