"""Server-sent events as bytes. Pure."""

import json
from collections.abc import Sequence

from console.streams.changes import Change

RETRY_MS = 2000
HEARTBEAT = b":\n\n"


def write_opening(horizon: int) -> bytes:
    """Begin a stream: how long to wait before coming back, and from where."""
    return f"retry: {RETRY_MS}\nid: {horizon}\n\n".encode()


def write_heartbeat(horizon: int) -> bytes:
    """Show that the stream lives, and how far it has come; this makes no event."""
    return f":\nid: {horizon}\n\n".encode()


def write_state(trouble: str) -> bytes:
    """Tell whether changes can be read, and why not."""
    told = json.dumps({"is_live": not trouble, "reason": trouble or None})
    return f"event: state\ndata: {told}\n\n".encode()


def write_events(changes: Sequence[Change], horizon: int | None = None) -> bytes:
    """Write events. The last one carries the horizon, where there is one: what was written below it has been told."""
    if not changes:
        return b""
    # JSON has no bare line break, so an event's data is one line.
    events = b"\n\n".join(b"event: %b\ndata: %b" % (change.event.encode(), change.row) for change in changes)
    return events + (b"\n\n" if horizon is None else b"\nid: %d\n\n" % horizon)
