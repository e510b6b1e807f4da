"""The servers' own log files: kept short, and quoted when a server does not start."""

import shutil
from pathlib import Path

ROTATE_BYTES = 10 * 1024 * 1024
FULL_BYTES = 1024 * 1024
QUOTED_LINES = 4
QUOTED_BYTES = 4000


def rotate(log: Path) -> None:
    """Put a log that has grown large aside; one older file is kept."""
    if log.exists() and log.stat().st_size > ROTATE_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))


def last_lines(log: Path) -> str:
    """Quote the end of a log, indented, with where to read the rest."""
    text = log.read_bytes()[-QUOTED_BYTES:].decode(errors="replace") if log.exists() else ""
    lines = [line for line in text.splitlines() if line.strip()][-QUOTED_LINES:]
    return "\n".join(f"  {line}" for line in (*lines, f"(from {log})"))


def is_disk_full(log: Path) -> bool:
    """Tell whether a server failed for want of space; its last words may be missing for the same reason."""
    return "No space left on device" in last_lines(log) or shutil.disk_usage(log.parent).free < FULL_BYTES
