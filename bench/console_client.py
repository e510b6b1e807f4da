"""Ask the console on one connection that is kept, and take the time from the request to the last byte."""

import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException

import msgspec

from bench.rounds import BenchError

TIMEOUT_SECONDS = 30.0
CHUNK_BYTES = 64 * 1024


class Client:
    """One reader with a token."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        self._headers = {"Authorization": f"Bearer {token}"}

    def time(self, path: str) -> float:
        """Give the milliseconds of one request. Raises BenchError for any answer but 200."""
        started = time.perf_counter()
        self.read(path)
        return (time.perf_counter() - started) * 1000

    def read(self, path: str) -> bytes:
        """Give the body of an answer. Raises BenchError for any answer but 200."""
        try:
            self._connection.request("GET", path, headers=self._headers)
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise BenchError(f"no answer: {type(error).__name__}") from error
        if answer.status != 200:  # noqa: PLR2004 - OK
            raise BenchError(f"answered {answer.status}: {body[:200].decode(errors='replace')}")
        return body

    def stream(self, path: str) -> Iterator[bytes]:
        """Give an answer piece by piece. Raises BenchError for any answer but 200."""
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        if answer.status != 200:  # noqa: PLR2004 - OK
            answer.read()
            raise BenchError(f"answered {answer.status}")
        while piece := answer.read(CHUNK_BYTES):
            yield piece

    def cursor_at(self, path: str, rows: int) -> str:
        """Page through a listing until `rows` rows have passed; gives the cursor there. The path takes parameters."""
        cursor, limit = "", 500
        for _ in range(max(rows // limit, 1)):
            page = msgspec.json.decode(self.read(f"{path}limit={limit}" + (f"&cursor={cursor}" if cursor else "")))
            cursor = page["next"]
            if cursor is None:
                raise BenchError(f"the listing ends before its row {rows}")
        return cursor

    def is_answered(self) -> bool:
        """Tell whether the program is up."""
        try:
            self.read("/readyz")
        except BenchError:
            return False
        return True

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
