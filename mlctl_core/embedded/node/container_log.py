"""The log of one run of a container, as a file in the CRI's format.

One line is ``2026-01-01T00:00:00.000000000Z stdout F text``: time, stream, whether the line is
whole (F) or goes on (P), text. Bounded: when a file is full it becomes ``….log.1``, in place of
the one before, so that between one and two files' worth of the latest lines is there.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from mlctl_core.clock import Clock

__all__ = ["ContainerLog"]

# kubelet's containerLogMaxSize.
MAX_FILE_BYTES = 10 * 1024 * 1024

# containerd's max_container_log_line_size: longer lines come in parts.
MAX_LINE_BYTES = 16 * 1024


class ContainerLog:
    """Writes one container's output and wakes those who follow it. Used from one event loop."""

    def __init__(self, path: Path, clock: Clock, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.rotations = 0
        """How often the file has been replaced by a new one."""
        self.closed = False
        """Whether everything has been written."""
        self._clock = clock
        self._max_file_bytes = max_file_bytes
        self._pending = {"stdout": b"", "stderr": b""}
        self._changed = asyncio.Event()
        self._descriptor = self._open()
        self._size = 0

    def write(self, stream: str, chunk: bytes) -> None:
        """Takes what a container wrote to ``stdout`` or ``stderr``; whole lines are stored."""
        *lines, rest = (self._pending[stream] + chunk).split(b"\n")
        prefix = self._prefix(self._clock.now(), stream)
        out = [line for text in lines for line in _parts(prefix, text)]
        while len(rest) > MAX_LINE_BYTES:
            out.append(prefix + b"P " + rest[:MAX_LINE_BYTES] + b"\n")
            rest = rest[MAX_LINE_BYTES:]
        self._pending[stream] = rest
        self._store(b"".join(out))

    def close(self) -> None:
        """Stores what did not end with a newline; followers come to their end."""
        if self.closed:
            return
        now = self._clock.now()
        for stream, rest in self._pending.items():
            if rest:
                self._store(self._prefix(now, stream) + b"P " + rest + b"\n")
        self.closed = True
        os.close(self._descriptor)
        self._wake()

    async def changed(self) -> None:
        """Returns after the next write or the end."""
        if not self.closed:
            await self._changed.wait()

    def _store(self, data: bytes) -> None:
        if not data or self.closed:
            return
        if self._size and self._size + len(data) > self._max_file_bytes:
            self._rotate()
        os.write(self._descriptor, data)
        self._size += len(data)
        self._wake()

    def _rotate(self) -> None:
        os.close(self._descriptor)
        self.path.rename(f"{self.path}.1")
        self._descriptor = self._open()
        self._size = 0
        self.rotations += 1

    def _open(self) -> int:
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        return os.open(self.path, flags, 0o640)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    @staticmethod
    def _prefix(now: datetime, stream: str) -> bytes:
        return f"{now:%Y-%m-%dT%H:%M:%S.%f}000Z {stream} ".encode()


def _parts(prefix: bytes, text: bytes) -> list[bytes]:
    parts = []
    while len(text) > MAX_LINE_BYTES:
        parts.append(prefix + b"P " + text[:MAX_LINE_BYTES] + b"\n")
        text = text[MAX_LINE_BYTES:]
    return [*parts, prefix + b"F " + text + b"\n"]
