"""Earshot as a running system, driven from outside: events go in over HTTP, rows and receipts come out."""

import http.client
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing.process import BaseProcess
from typing import Any

import psutil
import psycopg
from redis.exceptions import RedisError

from earshot.children import Command, Process, end, start, wait_until
from shared.event_records import StoredEvent, record_key
from shared.stages import QUARANTINE, QUEUES, STAGES
from tests.faults import programs
from tests.faults.loads import stages_for_event
from tests.faults.oracle import Difference, Pair, compare_with_serial_run
from tests.faults.running_system import ANSWER_SECONDS, RunningSystem
from tests.faults.stand import Stand, kill, terminate

SECRET = "faults"
READY_SECONDS = 20.0
STOP_SECONDS = 5.0

_RECEIVED = "select event_id, (extract(epoch from min(received_at)) * 1000)::bigint from receipts group by event_id"


class EarshotSystem(RunningSystem):
    """The programs of the Procfile: the ingest as it is started by a person, the others forked."""

    name = "earshot"

    def __init__(
        self,
        stand: Stand,
        changed: Mapping[str, str] | None = None,
        *,
        of_stage: int = 1,
        janitors: int = 1,
        stages: Sequence[str] = (*STAGES, QUARANTINE),
    ) -> None:
        super().__init__(stand, changed)
        self._stages = stages
        self._of_stage, self._janitors = of_stage, janitors
        self._port = free_port()
        self._ingest: Process | None = None
        self._others: list[BaseProcess] = []
        self._connections = threading.local()
        self._opened: list[http.client.HTTPConnection] = []
        self.answers: dict[int, int] = {}
        self.retry_after = True

    def start(self) -> None:
        """Start ingest, workers and janitors."""
        self.start_ingest()
        for stage in self._stages:
            self.workers += [(stage, self.start_worker(stage)) for _ in range(self._of_stage)]
        for _ in range(self._janitors):
            self._others.append(self.stand.start(programs.run_command, self.settings, "janitor"))

    @property
    def settings(self) -> dict[str, str]:
        """The environment of its programs."""
        own = {"PORT": str(self._port), "WEBHOOK_SECRETS": SECRET, "SPOOL_DIR": str(self.stand.directory / "spool")}
        return self.stand.settings(changed={**own, **self.changed})

    def start_worker(self, stage: str) -> BaseProcess:
        """Start one worker."""
        return self.stand.start(programs.work, self.settings, stage, False)

    def start_ingest(self) -> None:
        """Start the ingest and wait until it answers."""
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        words = (sys.executable, "-m", "earshot", "ingest")
        log = self.stand.log
        command = Command("ingest", words, {**kept, **self.settings}, orphan_signal=signal.SIGTERM, log=log)
        self._ingest = start(command)
        assert wait_until(lambda: self.get("/healthz")[0] == 200, READY_SECONDS), self.stand.log_text()[-2000:]

    def ingest_pids(self) -> list[int]:
        """Name the processes of the ingest: its main one and those that answer."""
        if self._ingest is None:
            return []
        main = psutil.Process(self._ingest.pid)
        return [main.pid, *(child.pid for child in main.children(recursive=True))]

    def stop_ingest(self, signal_number: signal.Signals = signal.SIGTERM) -> None:
        """End the ingest."""
        if self._ingest:
            end([self._ingest], signal_number, seconds=STOP_SECONDS, wait=wait_until)

    def stop(self) -> None:
        """End all of it."""
        for connection in self._opened:
            connection.close()
        self.stop_ingest()
        self.stop_workers()
        for other in self._others:
            kill(other)

    def send(self, event: StoredEvent, body: bytes) -> None:
        """Post a webhook, once, as the platform does."""
        headers = {"content-type": "application/json", "x-interactly-secret": SECRET}
        try:
            connection = self._connection()
            connection.request("POST", "/webhooks/interactly", body, headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            self._connections.open.close()
            self.note(event, (), is_accepted=False)
            return
        with self._noting:
            self.answers[response.status] = self.answers.get(response.status, 0) + 1
            self.retry_after &= response.status != 503 or bool(response.headers.get("Retry-After"))
        # With an id, even a refusal is a promise: the body is kept in quarantine.
        is_kept = response.status == 202 or (response.status == 400 and b"event_id" in answer)
        self.note(event, stages_for_event(event), is_accepted=is_kept)

    def get(self, path: str) -> tuple[int, Any]:
        """Ask the ingest something; status 0 where it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"null")
        except (OSError, http.client.HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()

    def tend(self) -> None:
        """Start workers that have died again."""
        for place, (stage, worker) in enumerate(self.workers):
            if not worker.is_alive():
                self.workers[place] = (stage, self.start_worker(stage))

    def roll(self) -> None:
        """Replace each worker in order, one after the other."""
        for place, (stage, worker) in enumerate(list(self.workers)):
            terminate(worker)
            self.workers[place] = (stage, self.start_worker(stage))

    def unsettled(self) -> Sequence[Pair]:
        """A promise is kept when there is a receipt, or a dead letter with its record."""
        try:
            stored = self._receipts()
            missing = [(stage, event) for stage, event in self.acknowledged if (event.event_id, stage) not in stored]
            return [pair for pair in missing if not self._is_dead(*pair)]
        except (psycopg.Error, RedisError):
            return self.acknowledged

    def dead(self) -> int:
        """Count the dead letters."""
        redis = self.stand.redis()
        return sum(int(redis.zcard(f"rq:failed:{stage}")) for stage in QUEUES)

    def compare(self) -> Difference:
        """Compare the rows of calls of which all events were acknowledged, and the receipts of all."""
        pairs = list({(stage, event.event_id): (stage, event) for stage, event in self.acknowledged}.values())
        received = self._received()
        told = [
            (stage, replace(event, received_at_ms=received.get(event.event_id, 0)))
            for stage, event in pairs
            if not self._is_dead(stage, event)
        ]
        return compare_with_serial_run(self.stand.database_url, self.stand.serial_url, told)

    def is_known(self, pair: Pair) -> bool:
        """Tell whether Redis still has the event for the stage."""
        stage, event = pair
        return bool(self.stand.redis().hexists(record_key(event.event_id), f"stage:{stage}"))

    def _is_dead(self, stage: str, event: StoredEvent) -> bool:
        redis = self.stand.redis()
        return redis.zscore(f"rq:failed:{stage}", f"{event.event_id}-{stage}") is not None and bool(
            redis.exists(record_key(event.event_id))
        )

    def _receipts(self) -> set[tuple[str, str]]:
        with psycopg.connect(self.stand.database_url, autocommit=True, connect_timeout=2) as session:
            return set(session.execute("select event_id, stage from receipts").fetchall())

    def _received(self) -> dict[str, int]:
        with psycopg.connect(self.stand.database_url, autocommit=True) as session:
            return dict(session.execute(_RECEIVED).fetchall())

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._connections, "open"):
            self._connections.open = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)
            self._opened.append(self._connections.open)
        connection: http.client.HTTPConnection = self._connections.open
        return connection


def free_port() -> int:
    """Find a port of the loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
