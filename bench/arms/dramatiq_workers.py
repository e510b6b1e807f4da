"""Dramatiq: two processes of four threads, its Redis broker."""

import importlib.util
import os
from collections.abc import Sequence
from typing import Any

from bench.arms.pipeline import STAGES, PlainPipeline
from bench.stand import Stand
from bench.workload import Snapshot

THREADS = 4


class DramatiqPipeline(PlainPipeline):
    """Three messages an event, each with the body as its argument."""

    name = "Dramatiq"
    lists = ("dramatiq:default",)
    contents = ("dramatiq:default.msgs",)
    at_work = (("hlen", "dramatiq:default.msgs"),)
    workers = 2 * THREADS

    def __init__(self, stand: Stand) -> None:
        super().__init__(stand)
        os.environ["REDIS_URL"] = stand.redis_url
        self._actor: Any = _actor()

    def commands(self) -> Sequence[Sequence[str]]:
        """Start its own command, which starts the two processes."""
        options = ("--processes", "2", "--threads", str(THREADS), "--skip-logging")
        return [self.stand.module("dramatiq", "bench.controls.dramatiq_app", *options)]

    def publish(self, snapshots: Sequence[Snapshot]) -> None:
        """Send the messages one by one."""
        for snapshot in snapshots:
            for stage in STAGES:
                self._actor.send(stage, snapshot.body.decode())


def why_no_dramatiq() -> str:
    """Say why the arm cannot run; nothing when it can."""
    return "" if importlib.util.find_spec("dramatiq") else "dramatiq is not installed: make bench-install"


def _actor() -> Any:
    from bench.controls.dramatiq_app import run  # noqa: PLC0415 - reads the address of the broker as it is imported

    return run
