"""Keep alerts: look at calls that changed and at the clock, raise what rules find, resolve what is over, send notices.

Consumes the receipts that stages leave, and facts in tables. Writes `alerts` and `notices`. What one look writes is
committed at once, together with the marks that asked for it: a crash loses nothing, and nothing is raised twice.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from redis import Redis
from redis.exceptions import RedisError

from shared.alerting.channels import channels_of
from shared.alerting.notices import publish_lost, publish_notices
from shared.alerting.rules import CallRule, Occurrence, Rules
from shared.announcements import announce
from shared.database import Connection, Database
from shared.publisher import Publisher
from shared.queries import queries
from shared.queue_figures import read_delay
from shared.settings import Settings
from workers.alerting.calls import CALLS_AT_ONCE, CallExaminer
from workers.alerting.judging import Clocks
from workers.alerting.lasting import LastingExaminer
from workers.alerting.storing import AlertStore, Done
from workers.follower import Follower

# Any number, but the same in all versions, and not that of figures: it is what two janitors meet at.
LOCK = 7_305_216_844
# What tells of a call that it goes on: its messages, and its end; and what windows are made of.
STAGES_OF_CALLS = ("transcripts", "lifecycle")
STAGES_OF_WINDOWS = (*STAGES_OF_CALLS, "metrics", "interruptions")
SENT_AT_ONCE = 200
# While Redis is away events wait in the spools of ingests, which they leave again within so long, be they many.
SPOOLS_DRAINED_AFTER = timedelta(minutes=2)


class NotOurTurn(Exception):
    """Another one works on alerts at the moment."""


class AlertsKeeper:
    """Keeps the alerts of one database. What asks for the time is told it; all methods may be called again at will.

    They raise what transactions raise, and NotOurTurn.
    """

    def __init__(self, database: Database, redis: Redis, settings: Settings, rules: Rules) -> None:
        """Take the rules that are switched on. Raises SettingsError where a channel is half set up."""
        self._database = database
        self._redis = redis
        self._publisher = Publisher(redis, settings)
        self._follower = Follower("alerts", settings.receipt_days)
        self._rules = rules
        store = AlertStore(channels_of(settings))
        self._store = store
        enabled = [rule for rule in rules.values() if rule.enabled]
        self._calls = CallExaminer([rule for rule in enabled if isinstance(rule, CallRule)], store)
        self._lasting = LastingExaminer([rule for rule in enabled if not isinstance(rule, CallRule)], store)
        self._goes_by_clocks = any(not isinstance(rule, Occurrence) for rule in enabled)
        self._redis_away_at: datetime | None = None
        self._examined_until = ""

    def look(self, now: datetime) -> int:
        """Examine some calls that changed, and some that are due; returns how many."""
        # What was in the queues before this time is stored by now, so it must be read before anything else.
        clocks = self._read_clocks(now, STAGES_OF_CALLS)
        with self._turn() as connection:
            self._follower.mark_changed(connection)
        with self._turn() as connection:
            marked = [mark["key"] for mark in self._follower.take(connection, CALLS_AT_ONCE)]
            done = self._calls.examine(connection, marked, clocks)
        self._tell(done)
        return len(marked) + self._look_at_clock(clocks)

    def sweep(self, now: datetime) -> int:
        """Judge windows and the feed, and examine the next of the calls with open alerts; returns how many."""
        clocks = self._read_clocks(now, STAGES_OF_WINDOWS)
        with self._turn() as connection:
            done = self._lasting.examine(connection, clocks)
        self._tell(done)
        with self._turn() as connection:
            call_ids = self._next_alerted(connection)
            done = self._calls.examine(connection, call_ids, clocks)
        self._tell(done)
        return len(call_ids)

    def publish(self) -> int:
        """Put notices into the queues of their channels; returns how many. Raises QueueUnavailable too."""
        return publish_notices(self._database, self._publisher)

    def recover(self, now: datetime) -> int:
        """Have notices published again whose jobs Redis has lost; returns how many. Raises QueueUnavailable too."""
        return publish_lost(self._database, self._redis, now)

    def _look_at_clock(self, clocks: Clocks) -> int:
        with self._turn() as connection:
            due = self._calls.find_due(connection, clocks)
            done = self._calls.examine(connection, due, clocks)
            done += self._store.end_silencing(connection, self._rules, SENT_AT_ONCE, clocks.now)
        self._tell(done)
        return len(due)

    def _next_alerted(self, connection: Connection) -> list[str]:
        wanted = {"after": self._examined_until, "most": CALLS_AT_ONCE}
        rows = connection.execute(queries("alerts")["find_alerted_calls"], wanted)
        call_ids: list[str] = [row["call_id"] for row in rows]
        self._examined_until = call_ids[-1] if len(call_ids) == CALLS_AT_ONCE else ""
        return call_ids

    def _read_clocks(self, now: datetime, stages: Sequence[str]) -> Clocks:
        """Tell the time, and up to when what came in is stored, but for what is in the spool of an ingest."""
        if not self._goes_by_clocks:
            return Clocks(now, None)
        try:
            seconds = max(read_delay(self._redis, stage) for stage in stages)
        except RedisError:
            self._redis_away_at = now
            return Clocks(now, None)
        away_at = self._redis_away_at
        if away_at is not None and abs(now - away_at) < SPOOLS_DRAINED_AFTER:
            return Clocks(now, None)
        return Clocks(now, now - timedelta(seconds=seconds))

    def _tell(self, done: Iterable[Done]) -> None:
        """Tell what was done, once it is committed."""
        told = list(done)
        for one in told:
            one.tell()
        announce(self._redis, {one.call_id for one in told})

    @contextmanager
    def _turn(self) -> Iterator[Connection]:
        with self._database.transaction() as connection:
            row = connection.execute(queries("alerts")["take_turn"], {"lock": LOCK}).fetchone()
            if not (row and row["is_ours"]):
                raise NotOurTurn
            yield connection
