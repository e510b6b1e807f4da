"""This machine: its spool, and room on its disks."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from earshot.checks.findings import Finding, duration, ok, problem, size, warning
from earshot.data_dir import NEEDED_BYTES
from ingest.spool import Depth, peek
from ingest.spool_file import SpoolUnavailable
from shared.settings import Settings

PLENTY_BYTES = 1024**3
STUCK_SECONDS = 60
FULL_SHARE = 0.8


def check_spool(settings: Settings) -> Iterator[Finding]:
    """Look into the spool of this machine's ingest."""
    try:
        depth = peek(settings.spool_dir)
    except SpoolUnavailable:
        text = f"The spool in {settings.spool_dir} cannot be read"
        yield problem("spool", text, "See who owns it and whether its disk works: ls -l, df -h")
        return
    yield _depth(depth, settings)
    if depth is not None and depth.unreadable:
        text = f"{depth.unreadable} events of the spool cannot be read and are set aside"
        yield problem("spool.unreadable", text, "Put them back: docs/how-to/rescue-spooled-events.md")
    yield from _room_for_spool(settings)


def _depth(depth: Depth | None, settings: Settings) -> Finding:
    if depth is None or not depth.events:
        return ok("spool", f"Nothing waits in {settings.spool_dir}")
    text = f"{depth.events} events wait on this machine's disk, the oldest for {duration(depth.oldest_seconds)}"
    remedy = "They go to Redis by themselves once it takes writes and an ingest runs here: earshot ingest"
    is_bad = depth.oldest_seconds > STUCK_SECONDS or depth.bytes > settings.spool_max_bytes * FULL_SHARE
    return (problem if is_bad else warning)("spool", text, remedy)


def _room_for_spool(settings: Settings) -> Iterator[Finding]:
    directory = _nearest_existing(settings.spool_dir)
    free = shutil.disk_usage(directory).free
    if not os.access(directory, os.W_OK):
        text = f"{directory} is not writable for this account: nothing can be kept there while Redis is away"
        yield warning("spool.disk", text, "Run as the ingest does, give it to that account, or set SPOOL_DIR.")
    elif free < settings.spool_max_bytes:
        text = f"{size(free)} are free for a spool of up to {size(settings.spool_max_bytes)}"
        yield warning("spool.disk", text, "Free some space, or set SPOOL_MAX_BYTES lower or SPOOL_DIR elsewhere.")


def check_data_dir(data_dir: Path) -> Iterator[Finding]:
    """Look at the disk that holds the embedded servers' data, where there are any."""
    if not any((data_dir / name).exists() for name in ("valkey", "postgres")):
        return
    free = shutil.disk_usage(data_dir).free
    text = f"{size(free)} are free for the servers' data in {data_dir}"
    if free >= PLENTY_BYTES:
        yield ok("disk", text)
    else:
        yield (problem if free < NEEDED_BYTES else warning)("disk", text, "Free some space.")


def _nearest_existing(path: Path) -> Path:
    return next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
