"""BullMQ: two Node processes, each with eight jobs at a time."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence

from bench.arms.pipeline import PlainPipeline
from bench.stand import ROOT
from bench.workload import Snapshot

DIRECTORY = ROOT / "bench" / "bullmq"
STATEMENTS = ROOT / "bench" / "controls" / "sql"
PUBLISH_SECONDS = 120


class BullmqPipeline(PlainPipeline):
    """Three jobs an event, each with the body in its data, added in bulk by a program of Node's."""

    name = "BullMQ"
    lists = ("bull:bench:wait",)
    at_work = (("llen", "bull:bench:active"),)

    def commands(self) -> Sequence[Sequence[str]]:
        """Start the two processes."""
        return [(_node(), str(DIRECTORY / "worker.mjs"), str(STATEMENTS))] * self.workers

    def publish(self, snapshots: Sequence[Snapshot]) -> None:
        """Hand the bodies over in a file."""
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as bodies:
            bodies.write(b"\n".join(snapshot.body for snapshot in snapshots))
            bodies.flush()
            subprocess.run(  # noqa: S603 - a program of the bench
                (_node(), str(DIRECTORY / "publish.mjs"), bodies.name),
                env={"REDIS_URL": self.stand.redis_url},
                timeout=PUBLISH_SECONDS,
                check=True,
            )

    def wake(self) -> None:
        """Set the marker that BullMQ's workers wait for; it sets it itself when a job is added to its list."""
        self.stand.redis.zadd("bull:bench:marker", {"0": 0})


def why_no_bullmq() -> str:
    """Say why the arm cannot run; nothing when it can."""
    if not _node():
        return "node is not installed"
    return "" if (DIRECTORY / "node_modules" / "bullmq").is_dir() else "bullmq is not installed: make bench-install"


def _node() -> str:
    return shutil.which("node") or ""


def node_version() -> str:
    """Give Node's version; nothing where there is none."""
    if not _node():
        return ""
    asked = subprocess.run((_node(), "--version"), capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    return asked.stdout.strip()
