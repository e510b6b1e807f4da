"""`earshot doctor` on real servers: each fault that can be produced is found, and hides none of the others."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from click.testing import CliRunner
from redis import Redis
from rq.utils import now, utcformat

from earshot.checks.examination import examine
from earshot.checks.findings import Finding
from earshot.cli import main
from ingest.spool import Spool
from shared.jobs import OUT_OF_REACH_SECONDS
from shared.publisher import IncomingEvent
from shared.stages import QUEUES
from tests.integration.test_batches import batch_queue, body
from tests.servers import EmbeddedServers
from workers.turns import KEY

NOWHERE = "redis://:topsecret@127.0.0.1:1"
KEPT = ("maxmemory", "maxmemory-policy", "appendonly", "appendfsync")


@pytest.fixture
def healthy(
    servers: EmbeddedServers,
    redis: Redis,
    database: psycopg.Connection,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[None]:
    """Servers set as advised, a worker for each stage and a janitor, as far as Redis and PostgreSQL can tell."""
    database.execute("update followers set seen_at = now()")
    before = redis.config_get(*KEPT)
    redis.config_set("appendfsync", "always")
    for stage in QUEUES:
        register_worker(redis, stage)
    redis.set(KEY, "somewhere-1-abcd")
    variables = {"REDIS_URL": servers.redis_url, "DATABASE_URL": database_url, "WEBHOOK_SECRETS": "s"}
    for name, value in {**variables, "SPOOL_DIR": str(tmp_path / "spool"), "SPOOL_MAX_BYTES": "2000000"}.items():
        monkeypatch.setenv(name, value)
    yield
    redis.config_set("maxmemory", 0)
    for name, value in before.items():
        redis.config_set(name, value)


def register_worker(redis: Redis, stage: str, heartbeat: str = "") -> None:
    """Enter a worker as RQ does."""
    redis.sadd(f"rq:workers:{stage}", f"rq:worker:{stage}-1")
    redis.hset(f"rq:worker:{stage}-1", "last_heartbeat", heartbeat or utcformat(now()))


def findings(tmp_path: Path) -> dict[str, Finding]:
    """Examine, and name what is not well."""
    return {finding.check: finding for finding in examine(tmp_path) if finding.level != "ok"}


def test_a_healthy_installation_is_well(healthy, publish, tmp_path):
    """With everything as advised, and events that wait for a moment, there is nothing to say."""
    publish(body(1))
    assert findings(tmp_path) == {}


Place = SimpleNamespace
Fault = Callable[[Place], object]


def wrong_policy(place: Place) -> None:
    place.redis.config_set("maxmemory", 10**9)
    place.redis.config_set("maxmemory-policy", "allkeys-lru")


def memory_full(place: Place) -> None:
    # Nearly full, and yet with room for what the doctor's own connections take. Made there: what is sent is held
    # in a buffer, which counts as long as it lives.
    place.redis.setrange("ballast", 32 * 1024 * 1024, b"x")
    place.redis.config_set("maxmemory", int(place.redis.info("memory")["used_memory"] * 1.02))


def missing_migration(place: Place) -> None:
    place.database.execute("delete from migrations where name like '0002%'")


def newer_database(place: Place) -> None:
    place.database.execute("insert into migrations (name) values ('9999_of_another_year')")


def read_only(place: Place) -> None:
    name = place.database.info.dbname
    place.database.execute(f"alter database {name} set default_transaction_read_only = on")


def no_connections_left(place: Place) -> None:
    """As if nearly all were taken; taking them would disturb others."""
    place.monkeypatch.setattr("earshot.checks.postgres_server.CONNECTIONS_LEFT", 10**6)


def nobody_listens(place: Place) -> None:
    place.redis.delete("rq:workers:metrics")


def jobs_wait_for_nobody(place: Place) -> None:
    place.publish(body(1))
    place.redis.delete("rq:workers:metrics")


def a_worker_that_is_silent(place: Place) -> None:
    register_worker(place.redis, "metrics", "2026-01-01T00:00:00.000000Z")


def an_old_job(place: Place) -> None:
    event_id = place.publish(body(1))
    place.redis.hset(f"rq:job:{event_id}-metrics", "enqueued_at", "2026-01-01T00:00:00.000000Z")


def a_dead_worker(place: Place) -> None:
    place.publish(body(1))
    batch_queue(place.redis).take(1, 10**9, lease_seconds=-600)


def an_idle_worker_that_is_silent(place: Place) -> None:
    """It would have told within seconds that it lives; one at work may take longer."""
    twenty_seconds_ago = utcformat(now() - timedelta(seconds=20))
    register_worker(place.redis, "metrics", twenty_seconds_ago)
    place.redis.hset("rq:worker:metrics-1", "state", "idle")
    register_worker(place.redis, "lifecycle", twenty_seconds_ago)
    place.redis.hset("rq:worker:lifecycle-1", "state", "busy")


def a_job_that_pauses(place: Place) -> None:
    place.redis.zadd("rq:scheduled:metrics", {"abc-metrics": time.time() + 60})
    place.redis.hset("rq:job:abc-metrics", mapping={"status": "scheduled", "error": "CheckViolation"})


def dead_letters(place: Place) -> None:
    place.redis.zadd("rq:failed:metrics", {"a-metrics": OUT_OF_REACH_SECONDS + time.time() - 7300})


def full_spool(place: Place) -> None:
    spool = Spool(place.tmp_path / "spool", 2_000_000)
    spool.add(IncomingEvent("e" * 32, int((time.time() - 7300) * 1000), ("metrics",), b"{}"))


def nobody_delivers(place: Place) -> None:
    place.monkeypatch.setenv("ALERT_SLACK_URL", "https://hooks.slack.example/word")
    place.redis.delete("rq:workers:slack")


def a_channel_set_by_half(place: Place) -> None:
    place.monkeypatch.setenv("ALERT_WEBHOOK_SECRET", "topsecret")


def wrong_rules(place: Place) -> None:
    write_rules(place, "[rules.hang]\nseverity = 3\n")


def a_rule_that_tells_nobody(place: Place) -> None:
    write_rules(place, '[rules.hang]\nchannels = ["email"]\n[rules.call_cost]\nenabled = false\nchannels = ["slack"]\n')


def no_rule_enabled(place: Place) -> None:
    write_rules(place, "[rules.hang]\nenabled = false\n")


def write_rules(place: Place, text: str) -> None:
    (place.tmp_path / "rules.toml").write_text(text)
    place.monkeypatch.setenv("ALERTS_FILE", str(place.tmp_path / "rules.toml"))


def no_look_for_alerts(place: Place) -> None:
    place.database.execute("update followers set seen_at = now() - interval '10 minutes' where follower = 'alerts'")


def notices_given_up(place: Place) -> None:
    place.database.execute(
        "insert into notices (call_id, alert_id, channel, what, given_up_at) values "
        "('', 'a', 'email', 'raised', now()), ('', 'b', 'email', 'raised', now() - interval '6 days'), "
        "('', 'c', 'slack', 'raised', now() - interval '8 days')"
    )
    a_notice_delivered_by_a_replay(place)


def a_notice_delivered_by_a_replay(place: Place) -> None:
    place.database.execute(
        "insert into notices (call_id, alert_id, channel, what, given_up_at, delivered_at) values "
        "('', 'd', 'email', 'raised', now() - interval '1 hour', now())"
    )


def a_notice_that_nobody_takes(place: Place) -> None:
    """The one before was delivered, and the one behind it only waits for its turn."""
    place.database.execute(
        "insert into notices (call_id, alert_id, channel, what, made_at, delivered_at) values "
        "('', 'a', 'email', 'raised', now() - interval '9 hours', now()), "
        "('', 'b', 'email', 'raised', now() - interval '10 minutes', null), ('', 'c', 'email', 'raised', now(), null)"
    )
    place.redis.zadd("rq:scheduled:email", {"c-email": time.time() + 60})
    place.redis.hset("rq:job:c-email", mapping={"status": "scheduled", "error": "OutOfTurn"})


@pytest.mark.parametrize(
    ("fault", "check", "level", "words"),
    [
        (a_notice_that_nobody_takes, "email.delivery", "warning", "not been taken for 10 min"),
        (nobody_delivers, "slack.queue", "warning", "no worker listens"),
        (a_channel_set_by_half, "alerts.channels", "problem", "ALERT_WEBHOOK_URL: is not set"),
        (wrong_rules, "alerts.rules", "problem", "line 2: rules.hang.severity"),
        (no_rule_enabled, "alerts.rules", "warning", "no alert is raised"),
        (a_rule_that_tells_nobody, "alerts.rules", "warning", "not set up: email"),
        (no_look_for_alerts, "alerts.last_look", "warning", "not looked for alerts for 10 min"),
        (notices_given_up, "email.given_up", "warning", "2 notices"),
        (wrong_policy, "redis.eviction", "problem", "allkeys-lru"),
        (memory_full, "redis.memory", "problem", "limit"),
        (lambda place: place.redis.config_set("appendonly", "no"), "redis.persistence", "problem", "appendonly is off"),
        (lambda place: place.redis.config_set("appendfsync", "everysec"), "redis.persistence", "warning", "everysec"),
        (missing_migration, "postgresql.migrations", "problem", "0002_messages"),
        (newer_database, "postgresql.migrations", "warning", "9999_of_another_year"),
        (lambda place: place.database.execute("drop table migrations"), "postgresql.migrations", "problem", "0001"),
        (read_only, "postgresql.writes", "problem", "read-only"),
        (no_connections_left, "postgresql.connections", "problem", "connections are in use"),
        (nobody_listens, "metrics.queue", "warning", "no worker listens"),
        (jobs_wait_for_nobody, "metrics.queue", "problem", "1 job waiting"),
        (a_worker_that_is_silent, "metrics.queue", "warning", "no sign of life"),
        (an_idle_worker_that_is_silent, "metrics.queue", "warning", "no sign of life"),
        (a_job_that_pauses, "metrics.retries", "warning", "waits for its next attempt: CheckViolation"),
        (an_old_job, "metrics.queue", "problem", "days"),
        (a_dead_worker, "transcripts.leases", "problem", "1 job at work"),
        (dead_letters, "metrics.dead_letters", "warning", "1 dead letter, the newest 2 h old"),
        (lambda place: place.redis.set("rq:suspended", 1), "workers.suspended", "problem", "no jobs"),
        (lambda place: place.redis.delete(KEY), "janitor", "problem", "no alerts are raised"),
        (full_spool, "spool", "problem", "1 events wait"),
        (lambda place: place.monkeypatch.setenv("LOG_LEVEL", "LOUD"), "settings", "problem", "LOG_LEVEL"),
        (lambda place: place.monkeypatch.delenv("WEBHOOK_SECRETS"), "settings", "warning", "WEBHOOK_SECRETS"),
    ],
)
def test_a_fault_is_found_alone_and_with_its_remedy(
    fault: Fault, check: str, level: str, words: str, healthy, redis, database, publish, monkeypatch, tmp_path
):
    """The one thing that is wrong is the one thing that is told, in words, with what to do."""
    fault(Place(redis=redis, database=database, publish=publish, monkeypatch=monkeypatch, tmp_path=tmp_path))
    found = findings(tmp_path)
    assert {check: level} == {name: finding.level for name, finding in found.items()}
    assert words in found[check].text
    assert found[check].remedy


@pytest.mark.parametrize(
    ("name", "url", "silent", "heard"),
    [
        ("REDIS_URL", NOWHERE, {"redis", "queues"}, "postgresql.version"),
        ("REDIS_URL", "topsecret", {"redis", "queues"}, "postgresql.version"),
        ("DATABASE_URL", "postgresql://u:topsecret@127.0.0.1:1/d", {"postgresql"}, "redis.version"),
        ("DATABASE_URL", "topsecret", {"postgresql"}, "redis.version"),
    ],
)
def test_a_server_that_is_away_hides_nothing_of_the_others(name, url, silent, heard, healthy, monkeypatch, tmp_path):
    """What cannot be asked is a problem of its own; the rest is examined, and no password is shown."""
    monkeypatch.setenv(name, url)
    found = examine(tmp_path)
    assert silent == {finding.check for finding in found if finding.level == "problem"}
    assert heard in {finding.check for finding in found}
    assert "topsecret" not in repr(found)


def test_a_channel_that_is_not_set_up_needs_no_worker(healthy, redis, tmp_path):
    """Nothing goes there, so nothing is said of it, until something waits there all the same."""
    redis.delete("rq:workers:slack")
    assert findings(tmp_path) == {}
    redis.rpush("rq:queue:slack", "left-over")
    assert findings(tmp_path)["slack.queue"].level == "problem"


def test_what_a_replay_has_delivered_is_not_told(healthy, database, tmp_path):
    """It was given up, and has arrived since."""
    a_notice_delivered_by_a_replay(Place(database=database))
    assert findings(tmp_path) == {}


def test_no_channel_is_as_it_may_be(healthy, tmp_path):
    """Who has set up none is told where alerts are to be seen, and not warned."""
    (told,) = [finding for finding in examine(tmp_path) if finding.check == "alerts.channels"]
    assert (told.level, told.text) == ("ok", "No channel is set up: alerts are shown in the console only")


def test_alerts_are_looked_for_only_while_a_janitor_acts(healthy, redis, database, tmp_path):
    """Without one that is what there is to say, and a database without their tables is told of by its migrations."""
    no_look_for_alerts(Place(database=database))
    redis.delete(KEY)
    assert set(findings(tmp_path)) == {"janitor"}
    database.execute("drop table notices")
    assert set(findings(tmp_path)) == {"janitor"}


def test_no_secret_of_a_channel_is_told(healthy, monkeypatch, tmp_path):
    """Neither of one that is right nor of one that is wrong."""
    monkeypatch.setenv("ALERT_WEBHOOK_SECRET", "topsecret")
    monkeypatch.setenv("ALERT_SLACK_URL", "topsecret")
    assert "topsecret" not in repr(examine(tmp_path))


def test_it_writes_nothing(healthy, redis: Redis, database: psycopg.Connection, publish, tmp_path):
    """Every key is as before."""
    publish(body(1))
    before = {key: redis.dump(key) for key in redis.keys("*")}
    examine(tmp_path)
    assert before == {key: redis.dump(key) for key in redis.keys("*")}
    assert not (tmp_path / "spool").exists()


def test_the_command_tells_all_of_it(healthy, redis, tmp_path):
    """As lines for people and as JSON for scripts, with the exit status."""
    redis.delete(KEY)
    lines = CliRunner().invoke(main, ["doctor", "--data-dir", str(tmp_path)])
    assert lines.exit_code == 1
    assert "-> Start one: earshot janitor" in lines.output
    document = json.loads(CliRunner().invoke(main, ["doctor", "--data-dir", str(tmp_path), "--json"]).output)
    assert document["level"] == "problem"
    assert "janitor" in {finding["check"] for finding in document["findings"] if finding["level"] == "problem"}
