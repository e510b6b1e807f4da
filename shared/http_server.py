"""What the programs that listen have in common: an address of their own, and granian with our log lines."""

import errno
import signal
import socket
import sys

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from shared.logs import configure_logs
from shared.processes import die_with_parent

BACKLOG = 1024
# An idle connection, or half a header, is let go after this: longer than senders and balancers keep an idle
# connection (60 s is usual), so that none of them sends a request into one that is just being closed.
IDLE_SECONDS = 75
# Shorter than the ten seconds that container engines leave between SIGTERM and SIGKILL.
STOP_SECONDS = 8
# granian prints through handlers of its own; ours write the same lines for everything.
_GRANIAN_LOGS = {"formatters": {}, "handlers": {}, "loggers": {"_granian": {"propagate": True}}}


def make_server(name: str, address: str, port: int, *, workers: int, threads: int) -> MPServer:
    """Make a WSGI server that is yet to be told what to serve."""
    return MPServer(
        target=name,
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        backlog=BACKLOG,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=IDLE_SECONDS * 1000),
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.error,
        log_dictconfig=_GRANIAN_LOGS,
    )


def begin_process(log_level: str) -> None:
    """Set up a process that serves: it logs as all do, and ends with its parent."""
    # Ctrl-C reaches all processes of a terminal; the main one stops its workers, each with a single signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    die_with_parent()
    configure_logs(log_level)


def free_address(host: str, port: int, setting: str) -> str:
    """Resolve a host to the address that granian needs, and make sure that nobody listens there.

    granian's sockets would share the port with another such program, which would then take half of the requests.
    Raises SystemExit with a message that names the setting of the port.
    """
    try:
        address = _resolve(host, port)
        _bind_for_a_moment(address, port)
    except OSError as error:
        sys.exit(f"Cannot listen on {host}:{port}: {_reason(error, setting)}")
    return address


def shown_url(host: str, port: int) -> str:
    """Write down where a program listens."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _resolve(host: str, port: int) -> str:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    by_version = sorted(found, key=lambda candidate: candidate[0] != socket.AF_INET)
    return str(by_version[0][4][0])


def _bind_for_a_moment(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))


def _reason(error: OSError, setting: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"another program uses this port; choose another one with {setting}"
    return error.strerror or type(error).__name__
