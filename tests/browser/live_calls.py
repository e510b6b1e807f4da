"""Calls that happen now: the builders' events moved from their own day to this one, and posted over HTTP."""

import json
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.event_records import StoredEvent
from tests.calls import STARTED_AT_MS, TURN_MS

MOMENTS = ("timestamp", "timestampMs")
DATES = ("startAt", "endAt")


class Poster:
    """Posts events to a running ingest, as the platform does, as if their calls had begun a minute ago."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret
        self.later = timedelta(milliseconds=time.time_ns() // 1_000_000 - 6 * TURN_MS - STARTED_AT_MS)

    def post(self, *events: StoredEvent) -> None:
        """Post events in order; fails the test when one is not accepted."""
        for event in events:
            self._post(json.dumps(moved(json.loads(event.body), self.later)).encode())

    def _post(self, body: bytes) -> None:
        headers = {"x-interactly-secret": self._secret, "content-type": "application/json"}
        request = urllib.request.Request(self._url, body, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 202


def moved(part: Any, later: timedelta) -> Any:
    """Copy a part of an event with every time in it moved."""
    if isinstance(part, list):
        return [moved(item, later) for item in part]
    if not isinstance(part, dict):
        return part
    return {name: _moved(name, value, later) for name, value in part.items()}


def _moved(name: str, value: Any, later: timedelta) -> Any:
    if name in MOMENTS and isinstance(value, int):
        return value + round(later.total_seconds() * 1000)
    if name in DATES and isinstance(value, str):
        moment = datetime.fromisoformat(value).astimezone(UTC) + later
        return moment.isoformat().replace("+00:00", "Z")
    return moved(value, later)
