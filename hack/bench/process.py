"""What the kernel says of a process (Linux, proc(5))."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")
_KIB = 1024
# The first two fields are skipped: the command in the second may hold blanks.
_UTIME, _STIME = 14 - 3, 15 - 3


def cpu_seconds(pid: int, proc: Path = PROC) -> float:
    """The time that a process has had on processors so far, its own and the kernel's for it."""
    fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / os.sysconf("SC_CLK_TCK")


def peak_bytes(pid: int, proc: Path = PROC) -> int:
    """The most resident memory that a process ever had.

    Raises:
        LookupError: the kernel does not tell.
    """
    for line in (proc / str(pid) / "status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.split()[0]) * _KIB
    raise LookupError(f"process {pid} has no VmHWM")
