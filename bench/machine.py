"""Where and with what a result came about: machine, versions, commit. No name of the machine, no path."""

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.arms.bullmq import node_version
from bench.stand import ROOT, Stand

PACKAGES = ("granian", "flask", "redis", "rq", "msgspec", "psycopg", "zstandard", "celery", "kombu", "dramatiq")


def describe_machine() -> dict[str, object]:
    """Tell the processor, how many of it, the memory and the system."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "memory GB": round(pages / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def describe_versions(stand: Stand) -> dict[str, str]:
    """Tell the versions of the servers and of all that contends."""
    redis = stand.redis.info("server")
    servers = {
        "valkey": str(redis.get("valkey_version", redis.get("redis_version"))),
        "postgresql": str(stand.one("show server_version")),
    }
    programs = {"node": node_version(), "wrk": "present" if shutil.which("wrk") else ""}
    packages = {package: _version(package) for package in PACKAGES}
    return {name: found for name, found in {**servers, **packages, **programs}.items() if found}


def describe_servers(stand: Stand) -> dict[str, str]:
    """Tell the servers' settings that decide about durability and memory."""
    names = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")
    postgres = {name: str(stand.one(f"show {name}")) for name in names}
    return {**postgres, "appendonly": "yes", "appendfsync": "always, where an arm does not say everysec"}


def commit() -> str:
    """Name the commit that was measured; `-changed` where files differ from it."""
    name = _git("rev-parse", "--short=10", "HEAD") or "unknown"
    return f"{name}-changed" if _git("status", "--porcelain", "--untracked-files=no") else name


def _git(*arguments: str) -> str:
    git = shutil.which("git")
    if not git:
        return ""
    command = (git, "-C", str(ROOT), *arguments)
    asked = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    return asked.stdout.strip()


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found.group(1) if found else platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
