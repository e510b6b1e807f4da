"""Write what one event says of one stage, as a team would: decode it, upsert all its messages, one transaction."""

import os
import threading
from functools import cache
from importlib.resources import files

import msgspec
import psycopg

from bench.controls.rows import columns_of

APPLICATION = "bench-control"

_local = threading.local()


def store(stage: str, body: bytes | str) -> None:
    """Upsert the messages of an event. One statement is one transaction, and one round trip."""
    message = msgspec.json.decode(body)["message"]
    call_id = message["call"]["id"]
    columns = columns_of(stage, ((call_id, one) for one in message["messages"]))
    if columns["call_id"]:
        connection().execute(statement(stage), columns)


def connection() -> psycopg.Connection:
    """Give the connection of this thread, made when first used."""
    if not hasattr(_local, "connection"):
        address = os.environ["DATABASE_URL"]
        _local.connection = psycopg.connect(address, autocommit=True, application_name=APPLICATION)
    made: psycopg.Connection = _local.connection
    return made


@cache
def statement(name: str) -> bytes:
    """Read one of the statements beside this module."""
    return files("bench.controls").joinpath(f"sql/{name}.sql").read_bytes()
