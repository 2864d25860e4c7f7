"""Time as a value that is passed in: the wall clock, the monotonic clock, and waiting.

Promises that code which takes a `Clock` and asks it for the time, for sleep, for timers and
for deadlines runs unchanged under `mlctl_core.testing.clock.VirtualClock`, where an hour of
back-off takes no time and always happens in the same order.

Does not promise that the wall clock moves forward or at an even rate: intervals are measured
with `Clock.monotonic` only, and `Clock.now` is for what people and other programs read.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

__all__ = ["Clock", "Deadline", "SystemClock", "TimerHandle", "deadline"]


class TimerHandle(Protocol):
    """A callback that has been scheduled."""

    def cancel(self) -> None:
        """Forget the callback; does nothing when it has been called already."""


class Clock(Protocol):
    """Where library code gets time from. Used from one event loop."""

    def now(self) -> datetime:
        """The wall clock, in UTC and aware. It may jump either way."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``; at once (but after others had a turn) for zero or less."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> TimerHandle:
        """Call ``callback`` from the event loop after ``seconds``; never before returning."""


class SystemClock:
    """The clock of the machine.

    `monotonic` counts the time a machine was suspended where the platform can (Linux):
    a process that wakes up must not believe that it still holds a lease which ran out while
    it slept. Timers and sleeps are the event loop's and do not count that time.
    """

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return _monotonic()

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> TimerHandle:
        """See `Clock.call_later`."""
        return asyncio.get_running_loop().call_later(seconds, callback)


def _boot_time() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


_monotonic = _boot_time if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic


class Deadline:
    """An ``async with`` block that may take so long and no longer; made by `deadline`.

    When the time is up the task inside the block is cancelled, and the block raises
    `TimeoutError` in the cancellation's place. A cancellation from elsewhere passes through
    untouched, also when both come at once. The rules are those of `asyncio.timeout`; the
    difference is whose clock counts.
    """

    def __init__(self, clock: Clock, seconds: float | None) -> None:
        self._clock = clock
        self._seconds = seconds
        self._timer: TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancellations_before = 0
        self._expired = False

    async def __aenter__(self) -> Self:
        if self._seconds is None:
            return self
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline needs a task to cancel")
        self._task = task
        self._cancellations_before = task.cancelling()
        self._timer = self._clock.call_later(self._seconds, self._expire)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._expired or self._task is None:
            return
        ours_alone = self._task.uncancel() <= self._cancellations_before
        if ours_alone and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError(f"took longer than {self._seconds:g} s") from error

    def _expire(self) -> None:
        self._expired = True
        if self._task is not None:
            self._task.cancel()


def deadline(clock: Clock, seconds: float | None) -> Deadline:
    """Bound the time an ``async with`` block may take; ``None`` sets no bound.

    Raises:
        TimeoutError: from the block, when ``seconds`` passed on ``clock`` before it ended.
    """
    return Deadline(clock, seconds)
