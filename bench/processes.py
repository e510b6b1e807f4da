"""What processes have used: CPU time and memory, read from /proc with all that they have started."""

import os
from collections.abc import Sequence
from pathlib import Path

from earshot.children import Process, session_members

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(processes: Sequence[Process]) -> float:
    """Add up the CPU time of children and all they have started, living or waited for."""
    members = [number for process in processes for number in session_members(process.pid)]
    return sum(map(_cpu_seconds, members))


def resident_bytes(number: int) -> int:
    """Give the resident memory of one process."""
    return int(Path(f"/proc/{number}/statm").read_text().split()[1]) * _PAGE


def _cpu_seconds(number: int) -> float:
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # It has ended in the meantime; its parent has its time now.
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS
