"""Kills containers that use more memory than their limit, where the kernel does not do it.

Counts anonymous memory of all processes of a container by reading /proc once a second: enough to
catch a program that grows, not one that is over for a moment. Does nothing without /proc.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlctl_core.clock import Clock

__all__ = ["MemoryWatch", "container_memory"]

# Seconds between two looks: some 50 µs per process each.
INTERVAL_SECONDS = 1.0

KIB = 1024

PROC = Path("/proc")

_log = structlog.get_logger(__name__)


@attrs.frozen
class _Watched:
    limit: int
    over: Callable[[], None]


class MemoryWatch:
    """Compares containers with their limits. Owned by the process runtime.

    Args:
        clock: what the interval is measured by.
        helpers: processes between the one that was started and the container's own, which do
            not count.
    """

    def __init__(self, clock: Clock, helpers: int) -> None:
        self._clock = clock
        self._helpers = helpers
        self._watched: dict[int, _Watched] = {}

    def watch(self, pid: int, limit: int, over: Callable[[], None]) -> None:
        """Calls ``over`` once when the processes of a container use more than ``limit`` bytes."""
        self._watched[pid] = _Watched(limit, over)

    def forget(self, pid: int) -> None:
        """The container has ended."""
        self._watched.pop(pid, None)

    async def run(self) -> None:
        """Looks until cancelled."""
        while True:
            await self._clock.sleep(INTERVAL_SECONDS)
            self.look()

    def look(self) -> None:
        """Compares every container once."""
        for pid, watched in list(self._watched.items()):
            used = container_memory(pid, self._helpers)
            if used > watched.limit:
                _log.info("container over its memory limit", pid=pid, used=used)
                self.forget(pid)
                watched.over()


def container_memory(pid: int, helpers: int = 0) -> int:
    """Anonymous memory, in bytes, of a process and all that it started.

    Memory shared after a fork is counted in parts where the kernel tells (smaps_rollup).
    """
    return sum(_anonymous(member) for member in _descendants(pid, helpers))


def _descendants(pid: int, helpers: int) -> Iterator[int]:
    if helpers <= 0:
        yield pid
    for child in _children(pid):
        yield from _descendants(child, helpers - 1)


def _children(pid: int) -> list[int]:
    try:
        threads = list((PROC / str(pid) / "task").iterdir())
        return [int(c) for t in threads for c in (t / "children").read_text().split()]
    except OSError:
        return []


def _anonymous(pid: int) -> int:
    for name, field in (("smaps_rollup", "Pss_Anon:"), ("status", "RssAnon:")):
        try:
            lines = (PROC / str(pid) / name).read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith(field):
                return int(line.split()[1]) * KIB
    return 0
