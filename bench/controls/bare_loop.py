"""The bare loop: pop up to 500 bodies, decode them all, upsert the messages that are new. Runs until it is killed.

No job, no retry, and what it has popped is lost when it dies. It bounds what any design that decodes every event in
Python can reach. Stages are independent, as in the other arms: each has a list of its own, with every body. The second
argument `fused` gives that up: one list, one decoding for all stages. The first names the decoder: `json`, the one that
comes with Python, or `msgspec`.
"""

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec
from redis import Redis

from bench.controls.rows import COLUMNS, columns_of
from bench.controls.store import connection, statement
from bench.ready import tell_ready

LISTS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "independent": {f"bench:bare:{stage}": (stage,) for stage in COLUMNS},
    "fused": {"bench:bare:all": tuple(COLUMNS)},
}
BUSY = "bench:bare:busy"
MOST = 500
IDLE_SECONDS = 0.002

Known = set[tuple[str, str, str]]
Decode = Callable[[bytes], Any]
DECODERS: dict[str, Decode] = {"json": json.loads, "msgspec": msgspec.json.decode}


def main(decode: Decode, lists: Mapping[str, Sequence[str]], *, backwards: bool) -> None:
    """Pop and store, for ever; two processes that go round the lists in opposite orders meet least."""
    redis = Redis.from_url(os.environ["REDIS_URL"])
    known: dict[str, Known] = defaultdict(set)
    connection()
    tell_ready(redis)
    while True:
        waiting = [name for name in (reversed(list(lists)) if backwards else lists) if redis.llen(name)]
        for name in waiting[:1]:
            messages = new_messages(map(decode, pop(redis, name)), known[name])
            store_new(sorted(messages, key=lambda one: (one[0], one[1]["messageId"])), lists[name])
            redis.srem(BUSY, os.getpid())
        if not waiting:
            time.sleep(IDLE_SECONDS)


def pop(redis: Redis, name: str) -> list[bytes]:
    """Pop what one turn takes, and note that there is something in hand: only the bench's clock needs that."""
    pipeline = redis.pipeline()
    pipeline.sadd(BUSY, os.getpid())
    pipeline.lpop(name, MOST)
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


def store_new(messages: list[tuple[str, Any]], stages: Iterable[str]) -> None:
    """Upsert messages into the tables of stages, in one transaction and one round trip."""
    with connection().pipeline(), connection().transaction():
        for stage in stages:
            connection().execute(statement(stage), columns_of(stage, messages))


if __name__ == "__main__":
    main(DECODERS[sys.argv[1]], LISTS[sys.argv[2]], backwards=sys.argv[3:] == ["backwards"])
