"""`earshot servers`: the embedded servers alone, in the foreground."""

import os
import sys
from pathlib import Path

from earshot.errors import EarshotError
from earshot.process_log import ProcessLog, wants_colour
from earshot.run import Run, run_until_stopped


def serve_alone(root: Path) -> None:
    """Run the servers until a signal comes; standard output has a `NAME=value` line for each, stderr the rest."""
    if os.environ.get("REDIS_URL") and os.environ.get("DATABASE_URL"):
        raise EarshotError(
            "REDIS_URL and DATABASE_URL are both set, so there is no server to embed. Unset one or both."
        )
    log = ProcessLog((), sys.stderr, colour=wants_colour(sys.stderr, os.environ))
    run_until_stopped(root, log, _tell_and_wait)


def _tell_and_wait(run: Run) -> None:
    addresses = "".join(f"{server.variable}={server.url}\n" for server in run.servers)
    ProcessLog((), sys.stdout, colour=False).text(addresses)
    run.log.say(f"ready; the addresses are in {run.data_dir.env} too; Ctrl-C ends the servers")
    run.supervisor.run()
