"""Celery: prefork with two processes, its Redis broker, late acknowledgement."""

import importlib.util
import os
from collections.abc import Mapping, Sequence
from typing import Any

from bench.arms.pipeline import STAGES, PlainPipeline
from bench.stand import Stand
from bench.workload import Snapshot

OPTIONS = ("--without-gossip", "--without-mingle", "--without-heartbeat")


class CeleryPipeline(PlainPipeline):
    """One worker with two processes; three tasks an event, each with the body as its argument."""

    name = "Celery"
    lists = ("celery",)
    at_work = (("hlen", "unacked"),)

    def __init__(self, stand: Stand) -> None:
        super().__init__(stand)
        self.variables: Mapping[str, str] = {"CELERY_BROKER_URL": _broker_url(stand)}
        os.environ |= self.variables
        self._task: Any = _task()

    def commands(self) -> Sequence[Sequence[str]]:
        """Start the one worker, which forks the two."""
        application = ("-A", "bench.controls.celery_app", "--quiet", "worker")
        options = ("--pool", "prefork", "--concurrency", str(self.workers), "--loglevel", "ERROR", *OPTIONS)
        return [self.stand.module("celery", *application, *options)]

    def publish(self, snapshots: Sequence[Snapshot]) -> None:
        """Send the tasks one by one; Celery has nothing for many."""
        with self._task.app.producer_pool.acquire(block=True) as producer:
            for snapshot in snapshots:
                for stage in STAGES:
                    self._task.apply_async((stage, snapshot.body.decode()), producer=producer)


def why_no_celery() -> str:
    """Say why the arm cannot run; nothing when it can."""
    return "" if importlib.util.find_spec("celery") else "celery is not installed: make bench-install"


def _task() -> Any:
    from bench.controls.celery_app import run  # noqa: PLC0415 - reads the address of the broker as it is imported

    return run


def _broker_url(stand: Stand) -> str:
    return stand.redis_url.replace("unix://", "redis+socket://", 1)
