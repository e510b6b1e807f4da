"""All checks of the doctor's, side by side: a server that is away or slow hides nothing of the others."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import RedisError

from earshot.checks.alerting import check_alerts, check_files
from earshot.checks.findings import Check, Finding, ok, problem, warning
from earshot.checks.machine import check_data_dir, check_spool
from earshot.checks.postgres_server import check_postgres
from earshot.checks.redis_server import check_redis
from earshot.checks.stages import check_stages
from earshot.env_file import read_env
from shared.database import Database
from shared.errors import BadEvent, DatabaseUnavailable
from shared.janitors import janitor_of
from shared.redis_client import connect_redis
from shared.settings import Settings, SettingsError, load_settings

TIMEOUT_SECONDS = 3.0


def examine(data_dir: Path) -> list[Finding]:
    """Look at everything; takes some seconds at most, and raises nothing that a server does."""
    settings, findings = _read_settings(data_dir)
    checks: list[Check] = [
        lambda: _with_redis(settings, "redis", check_redis),
        lambda: _with_postgres(settings),
        lambda: _with_redis(settings, "queues", lambda redis: check_stages(redis, settings)),
        lambda: check_spool(settings),
        lambda: check_data_dir(data_dir),
        lambda: check_files(settings),
    ]
    with ThreadPoolExecutor(len(checks)) as pool:
        for found in pool.map(_run, checks):
            findings += found
    return findings


def _run(check: Check) -> Sequence[Finding]:
    return list(check())


def _read_settings(data_dir: Path) -> tuple[Settings, list[Finding]]:
    try:
        settings = load_settings((), data_dir)
    except SettingsError as error:
        remedy = "Mend them in the environment or there; docs/reference/settings.md tells what each may be."
        return _addresses_alone(data_dir), [problem("settings", " ".join(str(error).split()), remedy)]
    return settings, [_judge(settings)]


def _judge(settings: Settings) -> Finding:
    if not settings.webhook_secrets:
        text = "The settings can be read; WEBHOOK_SECRETS is not set, so no ingest starts here"
        return warning("settings", text, "Set it where the ingest runs; elsewhere that is as it should be.")
    return ok("settings", "The settings can be read")


def _addresses_alone(data_dir: Path) -> Settings:
    """Take the servers' addresses, so that the other checks can go on; everything else is as by default."""
    known = {**read_env(data_dir / "env"), **{name: value for name, value in os.environ.items() if value}}
    addresses = {name.lower(): SecretStr(known[name]) for name in ("REDIS_URL", "DATABASE_URL") if name in known}
    return Settings.model_construct(None, **addresses)


def _with_redis(settings: Settings, check: str, look: Callable[[Redis], Iterable[Finding]]) -> Iterator[Finding]:
    if settings.redis_url is None:
        yield _unset(check, "REDIS_URL")
        return
    try:
        redis = connect_redis(settings.redis_url.get_secret_value(), TIMEOUT_SECONDS)
        with redis:
            yield from look(redis)
    except RedisError as error:
        remedy = "Start it, or mend REDIS_URL. While it is away the ingest keeps events in its spool."
        yield problem(check, f"Redis cannot be asked: {str(error)[:120]}", remedy)
    except ValueError:
        yield problem(check, "REDIS_URL is no address of a Redis", "Like redis://host:6379/0, rediss:// or unix://")


def _with_postgres(settings: Settings) -> Iterator[Finding]:
    if settings.database_url is None:
        yield _unset("postgresql", "DATABASE_URL")
        return
    url = settings.database_url.get_secret_value()
    database = Database(url, TIMEOUT_SECONDS, prepare=False)
    try:
        yield from check_postgres(database)
        yield from check_alerts(database, janitor_acts=_janitor_acts(settings))
    except (DatabaseUnavailable, BadEvent, psycopg.Error) as error:
        remedy = "Start it, or mend DATABASE_URL. While it is away events wait in Redis."
        yield problem("postgresql", f"PostgreSQL cannot be asked: {_reason(url, error)}", remedy)
    finally:
        database.close()


def _janitor_acts(settings: Settings) -> bool:
    """Say whether a janitor acts, as far as Redis can be asked."""
    if settings.redis_url is None:
        return False
    try:
        with connect_redis(settings.redis_url.get_secret_value(), TIMEOUT_SECONDS) as redis:
            return janitor_of(redis) is not None
    except (RedisError, ValueError):
        return False


def _reason(url: str, error: Exception) -> str:
    """Say why; what the server or the system says when it is asked once more is clearer than the error's name."""
    try:
        psycopg.connect(url, connect_timeout=int(TIMEOUT_SECONDS)).close()
    except psycopg.OperationalError as told:
        return " ".join(str(told).split())[:200]
    except psycopg.Error:
        return "DATABASE_URL is no address of a PostgreSQL"  # Its text would quote the address.
    return f"{type(error).__name__}: {error}"


def _unset(check: str, name: str) -> Finding:
    return problem(check, f"{name} is not set", f"Set {name}, or name the directory of earshot up with --data-dir.")
