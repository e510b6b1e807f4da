"""Calls that happen now: the builders' events moved from their own day to this one, and posted over HTTP."""

import json
import time
import urllib.request
from datetime import timedelta

from earshot.moving import moved
from shared.event_records import StoredEvent
from tests.calls import STARTED_AT_MS, TURN_MS


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
