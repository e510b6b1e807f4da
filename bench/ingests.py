"""The HTTP servers of the bench: ours, and two others on the same server software."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from bench.arms.pipeline import STAGES
from bench.stand import READY_SECONDS, Stand, wait_for
from shared.http_server import BACKLOG
from shared.settings import Settings

PATH = "/webhooks/interactly"
OTHERS = {"bare WSGI": "bench.controls.bare_wsgi:application", "naive Flask": "bench.controls.naive_flask:app"}


@contextmanager
def serving(stand: Stand, name: str, processes: int) -> Iterator[int]:
    """Run a server until the block ends; gives its port."""
    port = free_port()
    command = _ours(stand) if name == "earshot" else _other(stand, OTHERS[name], port, processes)
    # What no arm works on would stay in its queue, and in the figures.
    variables = {"PORT": str(port), "INGEST_WORKERS": str(processes), "STAGES": ",".join(STAGES)}
    with stand.program(f"{name} ingest {processes}", *command, **variables):
        wait_for(lambda: _listens(port), READY_SECONDS, f"{name} does not listen")
        yield port


def free_port() -> int:
    """Find a port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ours(stand: Stand) -> tuple[str, ...]:
    return stand.module("earshot", "ingest")


def _other(stand: Stand, target: str, port: int, processes: int) -> tuple[str, ...]:
    threads = Settings.model_fields["ingest_threads"].default
    address = ("--host", "127.0.0.1", "--port", str(port), "--backlog", str(BACKLOG), "--log-level", "error")
    size = ("--workers", str(processes), "--blocking-threads", str(threads))
    return stand.module("granian", "--interface", "wsgi", "--http", "1", *address, *size, target)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
