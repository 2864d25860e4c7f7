"""What a node remembers of each container, and the back-off between its restarts.

Immutable values; `machine` replaces them. Times of day are for people (they go into the
status), intervals are measured on the monotonic clock.
"""

from __future__ import annotations

from datetime import datetime

import attrs

__all__ = ["Backoff", "Record", "Termination"]

# kubelet: pkg/kubelet/kubelet.go (backOffPeriod, MaxCrashLoopBackOff, and twice that without
# a failure to forget it).
INITIAL_SECONDS = 10.0
MAX_SECONDS = 300.0
FORGET_AFTER_SECONDS = 600.0


@attrs.frozen
class Termination:
    """How one run of a container ended."""

    exit_code: int
    """0 is success; 128 + n when signal n ended it."""

    reason: str
    """Completed, Error, OOMKilled, StartError, ContainerStatusUnknown, …"""

    finished_at: datetime
    started_at: datetime | None = None
    message: str = ""
    container_id: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the container ended as it should."""
        return self.exit_code == 0


@attrs.frozen
class Backoff:
    """Doubling delays: none at first, then 10 s, 20 s, … 5 min; forgotten after 10 min of peace.

    As the kubelet does it: the first restart is immediate.
    """

    delay: float = 0.0
    """Seconds that the next attempt waits for."""

    since: float = 0.0
    """When (monotonic) the last failure was."""

    @property
    def until(self) -> float:
        """When (monotonic) the next attempt may be made."""
        return self.since + self.delay

    def failed(self, now: float) -> Backoff:
        """After a failure that happened now."""
        return Backoff(delay=self.delay if self._remembers(now) else 0.0, since=now)

    def attempted(self, now: float) -> Backoff:
        """After an attempt that begins now: should it fail, the next waits longer."""
        longer = INITIAL_SECONDS
        if self.delay and self._remembers(now):
            longer = min(self.delay * 2, MAX_SECONDS)
        return Backoff(delay=longer, since=now)

    def _remembers(self, now: float) -> bool:
        return now - self.since < FORGET_AFTER_SECONDS


@attrs.frozen
class Record:
    """One container: waiting (nothing set), being launched, running, or ended."""

    launching: bool = False
    started_at: datetime | None = None
    """Set while it runs."""

    ended: Termination | None = None
    """Set once it has ended, until it runs again."""

    last: Termination | None = None
    """How the run before this one ended."""

    restarts: int = 0
    container_id: str = ""
    waiting_reason: str = ""
    """Why it does not run; empty means that nothing has gone wrong."""

    waiting_message: str = ""
    retry_at: float = 0.0
    """When (monotonic) a refused start may be tried again."""

    backoff: Backoff = Backoff()
    pull_backoff: Backoff = Backoff()
    stop_grace: float | None = None
    """Seconds of grace it was last asked to stop with; None when it was not asked."""

    @property
    def running(self) -> bool:
        """Whether a process of it exists or is about to."""
        return self.launching or self.started_at is not None
