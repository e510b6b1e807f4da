"""Changes as the streams of the console read them."""

from console.streams.changes import Change


def change(key: str = "user-1", row: bytes = b"{}", *, writer: int = 10, event: str = "message") -> Change:
    """Make a change of which only what is told matters."""
    return Change(event, key, writer, row)
