"""One program of the control plane: its process, its log, and the wait until it is there.

Promises that the process does not outlive this one (see `mlctl_core.testing.kubernetes.guard`).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlctl_core.clock import Clock

__all__ = ["Component", "ComponentFailedError"]

_GUARD = Path(__file__).with_name("guard.py")
_POLL_SECONDS = 0.02
"""Between two looks at what is waited for: a start takes seconds."""
_COLLECT_GARBAGE_PERCENT = "400"
"""For Go's collector, unless the environment says GOGC: a tenth less time of the processors for
some 90 MB of each API server."""
_TAIL_LINES = 20
"""What of a log goes into an error: the last cause and what led to it."""


class ComponentFailedError(Exception):
    """A component ended or did not become ready; the message has the end of its log."""


class Component:
    """A process with a log file, running from its creation to `stop`."""

    def __init__(self, command: Sequence[str], log: Path, clock: Clock) -> None:
        self.log = log
        """Its standard output and error."""
        self.name = Path(command[0]).name
        self._clock = clock
        with log.open("ab") as output:
            # A session of its own: Ctrl-C in a terminal must not end etcd before the API server.
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-I", "-S", str(_GUARD), *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={"GOGC": _COLLECT_GARBAGE_PERCENT, **os.environ},
            )

    def wait_until(self, holds: Callable[[], bool], what: str, seconds: float) -> None:
        """Return when it holds.

        Raises:
            ComponentFailedError: the process ended before, or the seconds passed.
        """
        end = self._clock.monotonic() + seconds
        while not holds():
            if self._ended_within(_POLL_SECONDS):
                code = self._process.returncode
                raise ComponentFailedError(f"{self.name} ended with exit code {code}{self._tail()}")
            if self._clock.monotonic() > end:
                raise ComponentFailedError(
                    f"{self.name}: no {what} within {seconds:g} seconds{self._tail()}"
                )

    def find(self, pattern: str) -> str | None:
        """Return the first group of the pattern's first match in the log so far."""
        found = re.search(pattern, self.log.read_text(encoding="utf-8", errors="replace"))
        return found and found[1]

    def stop(self, grace_seconds: float) -> None:
        """Ask it to end, and make it after the grace. Nothing if it has ended."""
        self._process.terminate()
        if not self._ended_within(grace_seconds):
            self.kill()
        self._close()

    def kill(self) -> None:
        """End it at once."""
        self._close()  # the guard's sign to kill what it guards
        self._process.wait()

    def _close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _ended_within(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _tail(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "".join(f"\n  {line}" for line in lines[-_TAIL_LINES:])
