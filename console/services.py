"""What the parts of the console work with, wired once in the process that serves."""

from dataclasses import dataclass

from redis import Redis

from console.access import Access
from console.store import Store
from shared.redis_client import connect_redis
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """The settings, who may see, and the two servers."""

    settings: Settings
    access: Access
    store: Store
    redis: Redis


def make_services(settings: Settings) -> Services:
    """Wire them; nothing is connected yet. Raises SettingsError without a usable CONSOLE_TOKENS."""
    database_url = settings.database_url.get_secret_value() if settings.database_url else ""
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    return Services(
        settings,
        Access(settings.console_tokens),
        Store(database_url, settings.database_timeout_seconds, prepare=settings.prepare_statements),
        connect_redis(redis_url, settings.redis_timeout_seconds),
    )
