"""Connect to a host by an address that was checked."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import NotDelivered
from workers.delivery.deadline import Deadline
from workers.delivery.guard import Guard


def connect(host: str, port: int, guard: Guard, deadline: Deadline) -> socket.socket:
    """Connect to the first address of a host that answers. Raises NotDelivered and Undeliverable."""
    addresses = guard.addresses_of(host, deadline)
    for left in range(len(addresses), 1, -1):
        try:
            return _connect(addresses[-left], port, deadline.left() / left)
        except OSError:
            continue
    with connection_faults_told(deadline):
        return _connect(addresses[-1], port, deadline.left())


@contextmanager
def connection_faults_told(deadline: Deadline) -> Iterator[None]:
    """Turn whatever can happen to a connection into NotDelivered, by the kind of the error alone."""
    try:
        yield
    except OSError as error:
        raise NotDelivered(fault_of(error, deadline)) from None


def fault_of(error: Exception, deadline: Deadline) -> str:
    """Say what happened to a connection; what happens after the time is up happens because it is."""
    if deadline.is_over or isinstance(error, TimeoutError):
        return f"the receiver took longer than {deadline}"
    if isinstance(error, ssl.SSLError):
        return f"no encrypted connection: {type(error).__name__}"
    return f"the connection failed: {type(error).__name__}"


def _connect(address: str, port: int, seconds: float) -> socket.socket:
    connection = socket.create_connection((address, port), seconds)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
