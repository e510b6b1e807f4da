"""The job of the RQ arms; stock `rq worker` and SimpleWorker import it by name."""

from bench.controls.store import store


def run(stage: str, body: str) -> None:
    """Work on one stage of one event."""
    store(stage, body)
