"""What the console writes, it writes here: over a connection of its own that is closed afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import errors

from console.services import Services
from shared.database import Database
from shared.errors import DatabaseUnavailable


@contextmanager
def writing(services: Services) -> Iterator[Database]:
    """Give a way to write until the block ends. Raises DatabaseUnavailable, also where a statement takes too long."""
    settings = services.settings
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    database = Database(url, settings.database_timeout_seconds, prepare=False)
    try:
        yield database
    except errors.QueryCanceled:
        raise DatabaseUnavailable("a statement took too long") from None
    finally:
        database.close()
