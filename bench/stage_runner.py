"""Work several stages in one process, one after the other: `python -m bench.stage_runner metrics,transcripts`.

Each turn is the program `earshot worker STAGE --burst`, so that two processes can be set beside two of another library.
Runs until it is killed.
"""

import sys
import time
from collections.abc import Sequence

from redis import Redis

from bench.ready import tell_ready
from shared.redis_client import connect_redis
from shared.settings import Settings, load_settings
from workers.program import run

IDLE_SECONDS = 0.002


def main(stages: Sequence[str]) -> None:
    """Work on the first of the stages that has a job, until its queue is empty; then look again."""
    settings = load_settings(["REDIS_URL", "DATABASE_URL"])
    redis = _connect(settings)
    tell_ready(redis)
    while True:
        waiting = next((stage for stage in stages if redis.llen(f"rq:queue:{stage}")), None)
        if waiting:
            run(settings, waiting, burst=True)
        else:
            time.sleep(IDLE_SECONDS)


def _connect(settings: Settings) -> Redis:
    url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    return connect_redis(url, settings.redis_timeout_seconds)


if __name__ == "__main__":
    main(sys.argv[1].split(","))
