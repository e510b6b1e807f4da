"""Load a server for a while with 32 connections; say with what, and how many requests it answered."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

from bench.rounds import BenchError
from bench.stand import ROOT, SECRET

WRK_THREADS = 2
PROCESSES = 2
GRACE_SECONDS = 15


def generator() -> str:
    """Name the load generator."""
    return "wrk" if shutil.which("wrk") else "bench.load.closed"


def load(port: int, path: str, bodies: Path, connections: int, seconds: int) -> tuple[int, float]:
    """Load one server; gives requests answered, and seconds. Raises BenchError if any failed."""
    commands = _wrk(port, path, bodies, connections, seconds) or _closed(port, path, bodies, connections, seconds)
    results = _run(commands, seconds + GRACE_SECONDS)
    failed = sum(result["failed"] for result in results)
    if failed:
        raise BenchError(f"{failed:.0f} requests of the load failed")
    return round(sum(result["requests"] for result in results)), max(result["seconds"] for result in results)


def _wrk(port: int, path: str, bodies: Path, connections: int, seconds: int) -> list[Sequence[str]]:
    program = shutil.which("wrk")
    if not program:
        return []
    with as_file(files("bench.load").joinpath("vary.lua")) as script:
        size = ("--threads", str(WRK_THREADS), "--connections", str(connections), "--duration", f"{seconds}s")
        return [(program, *size, "--script", str(script), f"http://127.0.0.1:{port}{path}", "--", str(bodies))]


def _closed(port: int, path: str, bodies: Path, connections: int, seconds: int) -> list[Sequence[str]]:
    share = str(connections // PROCESSES)
    start = (sys.executable, "-m", "bench.load.closed", str(port), path, SECRET, share, str(seconds), str(bodies))
    return [(*start, str(part)) for part in range(PROCESSES)]


def _run(commands: Sequence[Sequence[str]], seconds: float) -> list[dict[str, float]]:
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for command in commands]  # noqa: S603
    try:
        return [_result(process.communicate(timeout=seconds)[0]) for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()


def _result(output: str) -> dict[str, float]:
    told = [line.removeprefix("RESULT ") for line in output.splitlines() if line.startswith("RESULT ")]
    if not told:
        raise BenchError("the load generator did not come to a result")
    result: dict[str, float] = json.loads(told[-1])
    return result
