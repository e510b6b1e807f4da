"""The load generator where there is no wrk: `closed PORT PATH SECRET CONNECTIONS SECONDS FILE PART`.

Each connection sends its next request when the last is answered. FILE is that of vary.lua. Several of these run at
once, each with a PART of its own in the ids; each ends with one line of JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from bench.load.client import ServerGone, connect, write_request

ACCEPTED = 202


def main(arguments: Sequence[str]) -> None:
    """Load for a while and tell what came of it."""
    port, path, secret, connections, seconds, file, part = arguments
    source = Bodies(Path(file), part, path, secret)
    started = time.monotonic()
    answers = asyncio.run(_load(int(port), int(connections), started + int(seconds), source))
    taken = time.monotonic() - started
    failed = sum(status != ACCEPTED for status in answers)
    sys.stdout.write("RESULT " + json.dumps({"requests": len(answers), "seconds": taken, "failed": failed}) + "\n")


class Bodies:
    """Requests, no two alike."""

    def __init__(self, file: Path, part: str, path: str, secret: str) -> None:
        self._parts = [line.split(b"@CALL@") for line in file.read_bytes().splitlines()]
        self._part, self._path, self._secret = part, path, secret
        self._numbers = count()

    def next_request(self) -> bytes:
        """Write out the next request."""
        number = next(self._numbers)
        before, after = self._parts[number % len(self._parts)]
        body = before + f"WC-{self._part}-{number:08x}".encode() + after
        return write_request(self._path, self._secret, body)


async def _load(port: int, connections: int, deadline: float, source: Bodies) -> list[int]:
    answers: list[int] = []
    await asyncio.gather(*(_send_until(port, deadline, source, answers) for _ in range(connections)))
    return answers


async def _send_until(port: int, deadline: float, source: Bodies, answers: list[int]) -> None:
    connection = await connect(port)
    try:
        while time.monotonic() < deadline:
            answers.append(await connection.send(source.next_request()))
    except ServerGone:
        answers.append(0)
    finally:
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1:])
