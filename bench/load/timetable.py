"""Post bodies at fixed times, whatever the answers do: `timetable PORT PATH SECRET FILE START RATE`.

START is on the monotonic clock. The body on line k is due at START + k / RATE; RATE 0 is "as fast as 32 connections
go". A late answer delays no later request: each takes an idle connection, or a new one. Ends with one line of JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.load.client import HttpConnection, connect, write_request

CONNECTIONS = 32


def main(arguments: Sequence[str]) -> None:
    """Post everything, and tell how many were not accepted and how late the latest was sent."""
    port, path, secret, file, start, rate = arguments
    requests = [write_request(path, secret, body) for body in Path(file).read_bytes().splitlines()]
    timetable = Timetable(int(port), float(start), float(rate))
    started = time.monotonic()
    statuses = asyncio.run(timetable.post_all(requests) if float(rate) else post_fast(int(port), requests))
    failed = sum(status // 100 != 2 for status in statuses)  # noqa: PLR2004 - 2xx
    told = {"requests": len(statuses), "failed": failed, "latest_ms": timetable.latest_ms, "started": started}
    sys.stdout.write("RESULT " + json.dumps(told) + "\n")


class Timetable:
    """An open loop. `latest_ms` says how far the generator itself fell behind."""

    def __init__(self, port: int, start: float, rate: float) -> None:
        self.latest_ms = 0.0
        self._port, self._start, self._rate = port, start, rate
        self._idle: list[HttpConnection] = []

    async def post_all(self, requests: Sequence[bytes]) -> list[int]:
        """Post each request when it is due; gives the statuses."""
        self._idle = [await connect(self._port) for _ in range(CONNECTIONS)]
        under_way = []
        for number, request in enumerate(requests):
            due = self._start + number / self._rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.latest_ms = max(self.latest_ms, (time.monotonic() - due) * 1000)
            under_way.append(asyncio.create_task(self._post(request)))
        return await asyncio.gather(*under_way)

    async def _post(self, request: bytes) -> int:
        connection = self._idle.pop() if self._idle else await connect(self._port)
        status = await connection.send(request)
        self._idle.append(connection)
        return status


async def post_fast(port: int, requests: Sequence[bytes]) -> list[int]:
    """Post everything with as many connections as a busy sender has; gives the statuses."""
    remaining = iter(requests)
    statuses: list[int] = []

    async def post_remaining() -> None:
        connection = await connect(port)
        for request in remaining:
            statuses.append(await connection.send(request))  # noqa: PERF401 - shared by all connections

    await asyncio.gather(*(post_remaining() for _ in range(CONNECTIONS)))
    return statuses


if __name__ == "__main__":
    main(sys.argv[1:])
