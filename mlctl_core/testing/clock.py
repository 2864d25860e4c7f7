"""A clock that moves only when a test says so.

Promises that timers and sleepers fire in the order of their times (and of their making, for
equal times), each at exactly its time, with every task that can run having run in between.
A day takes as long as the work done in it.

Does not promise anything about work that happens outside the event loop: while a reply is on
its way through a socket or a thread, the loop looks idle. Wait for such work by what it
causes, then advance.
"""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlctl_core.clock import TimerHandle

__all__ = ["VirtualClock"]

START = datetime(2026, 1, 1, tzinfo=UTC)

# Turns of the event loop after which tasks that never come to rest are taken for a bug (two
# tasks waking each other), rather than hanging the test.
SETTLE_TURNS = 100_000

# For event loops that do not show whether something is ready to run: more turns than any
# chain of awaits that tests wait for is long.
BLIND_TURNS = 100


class VirtualClock:
    """A `mlctl_core.clock.Clock` for tests. Used from one event loop.

    Args:
        start: what `now` says at first; aware.
    """

    def __init__(self, start: datetime = START) -> None:
        self._wall_at_zero = start
        self._elapsed = 0.0
        self._timers: list[tuple[float, int, _Timer]] = []
        self._made = count()
        self.sleepers = 0
        """How many tasks are in `sleep` right now."""

    def now(self) -> datetime:
        """The start plus what the test advanced by, plus what it stepped by."""
        return self._wall_at_zero + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds the test advanced by."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Return once the test has advanced by ``seconds``; at once for zero or less."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        timer = self.call_later(seconds, wake)
        self.sleepers += 1
        try:
            await woken
        finally:
            self.sleepers -= 1
            timer.cancel()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> TimerHandle:
        """Call ``callback`` when the test has advanced by ``seconds``, in `advance`."""
        timer = _Timer(callback)
        heapq.heappush(self._timers, (self._elapsed + max(0.0, seconds), next(self._made), timer))
        return timer

    async def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass: fire what falls due, in order, and let tasks run in between.

        An exception from a timer's callback comes out here.
        """
        until = self._elapsed + seconds
        await self.settle()
        while (due := self.next_timer()) is not None and due <= until:
            self._elapsed = max(self._elapsed, due)
            _, _, timer = heapq.heappop(self._timers)
            timer.fire()
            await self.settle()
        self._elapsed = until
        await self.settle()

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator does; no time passes."""
        self._wall_at_zero += timedelta(seconds=seconds)

    def next_timer(self) -> float | None:
        """When (on `monotonic`) the next timer or sleeper is due; None if there is none."""
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    async def settle(self) -> None:
        """Let every task run until all of them wait for time or for something outside.

        Raises:
            RuntimeError: when tasks keep one another busy without end.
        """
        # asyncio shows nowhere publicly whether anything is ready to run.
        ready = getattr(asyncio.get_running_loop(), "_ready", None)
        if ready is None:
            for _ in range(BLIND_TURNS):
                await asyncio.sleep(0)
            return
        for _ in range(SETTLE_TURNS):
            await asyncio.sleep(0)
            if not ready:
                return
        raise RuntimeError(f"tasks still busy after {SETTLE_TURNS} turns of the event loop")


class _Timer:
    """One callback; forgets it once called or cancelled, so that nothing is pinned."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    @property
    def cancelled(self) -> bool:
        """Whether there is nothing left to call."""
        return self._callback is None

    def cancel(self) -> None:
        self._callback = None

    def fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()
