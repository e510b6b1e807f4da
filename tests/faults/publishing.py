"""The publisher and a connection that breaks: what it says of an event is true, and the event is there once."""

from redis import Redis

from shared.errors import QueueUnavailable
from shared.event_records import StoredEvent, record_key
from shared.publisher import Publisher
from shared.redis_client import connect_redis
from shared.settings import Settings
from tests.calls import conversation_update, stages_of, user, welcome
from tests.faults.loads import incoming
from tests.faults.stand import SHORT, Stand
from tests.faults.tap import WITHOUT_REPLY, Fault, When
from tests.faults.verdicts import Verdict

TIMEOUT_SECONDS = 2.0
WHENS: tuple[When, ...] = ("before", "after")


def publishing(stand: Stand, seed: int) -> list[Verdict]:
    """Cut the connection before and after each command of a publication."""
    verdict = Verdict("publication cut off")
    stand.clear()
    stand.tap.watch()
    _publish(stand, _event(f"{seed}-count"))
    points = [point for point in stand.tap.seen if not point.command.startswith(WITHOUT_REPLY)]
    for number, (point, when) in enumerate((point, when) for point in points for when in WHENS):
        _cut(stand, _event(f"{seed}-{number}"), Fault(point, when), verdict)
    return [verdict]


def _cut(stand: Stand, event: StoredEvent, fault: Fault, verdict: Verdict) -> None:
    redis = stand.redis()
    redis.script_flush()
    stand.tap.watch(fault)
    is_accepted = _publish(stand, event)
    stand.settle_proxies()
    verdict.points += 1
    verdict.unstruck += stand.tap.struck_at is None
    verdict.acknowledged += is_accepted
    counts = _counts(redis, event)
    is_whole = set(counts) == {1} and redis.hget(record_key(event.event_id), "left") == str(len(counts)).encode()
    is_absent = set(counts) == {0} and not redis.exists(record_key(event.event_id))
    verdict.lost += is_accepted and is_absent
    verdict.doubled += max(counts) > 1
    if not (is_whole or is_absent):
        verdict.wrong += 1
        verdict.note(f"torn {fault}")


def _counts(redis: Redis, event: StoredEvent) -> list[int]:
    return [redis.lrange(f"rq:queue:{s}", 0, -1).count(f"{event.event_id}-{s}".encode()) for s in stages_of(event)]


def _publish(stand: Stand, event: StoredEvent) -> bool:
    redis = connect_redis(stand.redis_url(through_proxy=True), TIMEOUT_SECONDS)
    try:
        Publisher(redis, Settings.model_validate({name.lower(): text for name, text in SHORT.items()})).publish(
            incoming(event)
        )
    except QueueUnavailable:
        return False
    else:
        return True
    finally:
        redis.close()


def _event(number: str) -> StoredEvent:
    return conversation_update([welcome(), user(1)], call_id=f"WC-publishing-{number}")
