"""The bare loop: pop up to 500 bodies, decode them all, upsert the messages that are new. Runs until it is killed.

No job, no retry, and what it has popped is lost when it dies. It bounds what any design that decodes every event in
Python can reach. The one argument names the decoder: `json`, the one that comes with Python, or `msgspec`.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import msgspec
from redis import Redis

from bench.controls.rows import COLUMNS, columns_of
from bench.controls.store import connection, statement
from bench.ready import tell_ready

LIST = "bench:bare"
BUSY = "bench:bare:busy"
MOST = 500
IDLE_SECONDS = 0.002

Known = set[tuple[str, str, str]]
Decode = Callable[[bytes], Any]
DECODERS: dict[str, Decode] = {"json": json.loads, "msgspec": msgspec.json.decode}


def main(decode: Decode) -> None:
    """Pop and store, for ever."""
    redis = Redis.from_url(os.environ["REDIS_URL"])
    known: Known = set()
    connection()
    tell_ready(redis)
    while True:
        if redis.llen(LIST):
            messages = new_messages(map(decode, pop(redis)), known)
            store_new(sorted(messages, key=lambda one: (one[0], one[1]["messageId"])))
            redis.srem(BUSY, os.getpid())
        else:
            time.sleep(IDLE_SECONDS)


def pop(redis: Redis) -> list[bytes]:
    """Pop what one turn takes, and note that there is something in hand: only the bench's clock needs that."""
    pipeline = redis.pipeline()
    pipeline.sadd(BUSY, os.getpid())
    pipeline.lpop(LIST, MOST)
    return cast("list[bytes] | None", pipeline.execute()[1]) or []


def new_messages(events: Iterable[Any], known: Known) -> Iterator[tuple[str, Any]]:
    """Give the messages that this process has not seen in this wording, each with its call; they are known then."""
    for event in events:
        call_id = event["message"]["call"]["id"]
        for one in event["message"]["messages"]:
            key = (call_id, one["messageId"], one["text"])
            if key not in known:
                known.add(key)
                yield call_id, one


def store_new(messages: list[tuple[str, Any]]) -> None:
    """Upsert messages into the tables of all stages, in one transaction and one round trip."""
    with connection().pipeline(), connection().transaction():
        for stage in COLUMNS:
            connection().execute(statement(stage), columns_of(stage, messages))


if __name__ == "__main__":
    main(DECODERS[sys.argv[1]])
