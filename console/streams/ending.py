"""Learn that this process is to end, though the server takes the signal: streams would hold it up otherwise."""

import signal
import socket
import threading
from collections.abc import Callable

_ENDING = frozenset((signal.SIGTERM, signal.SIGINT))


def call_when_told_to_end(end: Callable[[], None]) -> None:
    """Call `end`, in a thread of its own, at SIGTERM or SIGINT; call this once, in the main thread.

    The server sets its handlers later than we come. Python writes a byte for each signal that has a handler, whoever
    has set that.
    """
    receiver, sender = socket.socketpair()
    sender.settimeout(0)
    signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_await_signal, args=(receiver, sender, end), name="ending", daemon=True).start()


def _await_signal(receiver: socket.socket, _sender: socket.socket, end: Callable[[], None]) -> None:
    # The sender is ours to keep open.
    while not _ENDING.intersection(receiver.recv(64)):
        pass
    end()
