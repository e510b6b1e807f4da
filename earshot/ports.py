"""Making sure that a port is free before anything is started for it."""

import errno
import socket

from earshot.errors import EarshotError

EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not listened on


def check_port_free(host: str, port: int, option: str) -> None:
    """Raise EarshotError, naming the port and the option to change it, when nobody could listen there."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        raise EarshotError(f"{_reason(error, host, port)} Choose another port with {option}.") from error


def local_url(host: str, port: int) -> str:
    """Give the URL under which a server that listens on `host` is reached from this machine."""
    name = "127.0.0.1" if host in EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


def _reason(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another program."
    return f"Port {port} on {host} cannot be used: {error.strerror}."
