"""The work queue: keys to look at, each once, each with one worker at a time.

What workers and event handlers may rely on (W1 and so on are client-go's rules, some improved):

- A key that is added while it waits is still one entry; one that is added while it is worked on
  runs once more after `WorkQueue.done`, however often it was added.
- A key is with one worker at most, from `WorkQueue.get` to `WorkQueue.done`.
- A key waits for one time at most: of two delayed adds the earlier counts, and an immediate add
  takes a delayed one with it (client-go would run the key twice, c-r's priority queue does so
  too).
- Why a key was added is kept while it waits and handed to the worker: the first `MAX_REASONS`
  different reasons. Deduplication loses them elsewhere (c-r #1186, #1997).

Does not promise an order, nor that adds are durable: what is in here is gone with the process,
and the first list of the next one brings it back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from mlctl_core.queue.delays import Delays
from mlctl_core.queue.rate_limit import ExponentialBackoff

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from mlctl_core.clock import Clock

__all__ = ["QueueMetrics", "QueueShutDownError", "WorkQueue"]

K = TypeVar("K", bound="Hashable")

# A reason is a line for people; a thousand pods of one job are not a thousand lines.
MAX_REASONS = 8

# A worker whose reconciles wait for nothing (all is as it should be) would otherwise keep the
# event loop to itself until the queue is empty: 2,000 keys of a restart take 0.3 s.
KEYS_PER_TURN = 16


class QueueMetrics(Protocol):
    """Where a queue reports; `mlctl_core.telemetry.metrics.WorkQueueMetrics` is one."""

    def added(self) -> None:
        """A key was added that was not there."""

    def depth(self, ready: int) -> None:
        """So many keys are ready."""

    def waited(self, seconds: float) -> None:
        """A key was handed out, so long after it was first added."""

    def worked(self, seconds: float) -> None:
        """A key was worked on for so long."""

    def retried(self) -> None:
        """A key was added with back-off."""

    def in_progress(self, unfinished: Callable[[], float], longest: Callable[[], float]) -> None:
        """What to ask for the seconds of work in progress: of all keys, of the longest one."""


class QueueShutDownError(Exception):
    """The queue is shut down and has nothing more to hand out."""


class _Wanted:
    """That a key is to be worked on: since when, and why."""

    __slots__ = ("reasons", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.reasons: dict[str, None] = {}


class WorkQueue(Generic[K]):
    """A queue of keys. All but `get` return at once; used from one event loop.

    Args:
        clock: Time.
        backoff: How long keys that fail wait.
        metrics: Where the queue reports; nowhere by default.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        backoff: ExponentialBackoff[K] | None = None,
        metrics: QueueMetrics | None = None,
    ) -> None:
        self._clock = clock
        self._backoff: ExponentialBackoff[K] = backoff if backoff is not None else _default()
        self._metrics = metrics
        self._delays: Delays[K] = Delays(clock, self._add)
        # What is to be worked on: the keys in `_ready`, and those in progress that were added
        # again. `_in_progress` says since when.
        self._wanted: dict[K, _Wanted] = {}
        self._ready: deque[K] = deque()
        self._in_progress: dict[K, float] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._handed_out = 0
        self._shut_down = False
        if metrics is not None:
            metrics.in_progress(self._unfinished_seconds, self._longest_seconds)

    @property
    def depth(self) -> int:
        """How many keys are ready to be handed out."""
        return len(self._ready)

    @property
    def delayed(self) -> int:
        """How many keys wait for their time."""
        return len(self._delays)

    def add(self, key: K, reason: str = "") -> None:
        """Have ``key`` worked on as soon as may be. Ignored once the queue is shut down."""
        self._add(key, (reason,) if reason else ())

    def add_after(self, key: K, seconds: float, reason: str = "") -> None:
        """Have ``key`` worked on in ``seconds`` at the latest. Ignored after shut-down."""
        if seconds <= 0 or key in self._wanted:
            self.add(key, reason)
        elif not self._shut_down:
            self._delays.put(key, seconds, (reason,) if reason else ())

    def add_rate_limited(self, key: K, reason: str = "") -> None:
        """Count a failure of ``key`` and have it worked on after its back-off."""
        if self._metrics is not None:
            self._metrics.retried()
        self.add_after(key, self._backoff.failed(key), reason)

    def forget(self, key: K) -> None:
        """``key`` succeeded: its next failure is the first again. Not the same as `done`."""
        self._backoff.forget(key)

    async def get(self) -> tuple[K, tuple[str, ...]]:
        """Wait for a key that is ready; it is the caller's until `done`.

        Returns:
            The key and why it was added.

        Raises:
            QueueShutDownError: there will be none.
        """
        if self._handed_out >= KEYS_PER_TURN:
            self._handed_out = 0
            await self._clock.sleep(0)
        while not self._ready:
            if self._shut_down:
                raise QueueShutDownError
            self._handed_out = 0
            await self._wait()
        self._handed_out += 1
        key = self._ready.popleft()
        wanted = self._wanted.pop(key)
        now = self._in_progress[key] = self._clock.monotonic()
        if self._metrics is not None:
            self._metrics.waited(now - wanted.since)
            self._metrics.depth(len(self._ready))
        return key, tuple(wanted.reasons)

    def done(self, key: K) -> None:
        """The caller's work on ``key`` has ended, well or not: to be called in a ``finally``."""
        started = self._in_progress.pop(key, None)
        if started is None:
            return
        if self._metrics is not None:
            self._metrics.worked(self._clock.monotonic() - started)
        if key in self._wanted:
            self._make_ready(key)

    def shut_down(self, *, drain: bool = True) -> None:
        """Take no more keys in, drop those that wait for their time, and let workers end.

        May be called again, also to stop draining.

        Args:
            drain: Whether what is ready, or was added again while in progress, is still handed
                out before `get` raises.
        """
        self._shut_down = True
        self._delays.clear()
        if not drain:
            self._ready.clear()
            self._wanted.clear()
            if self._metrics is not None:
                self._metrics.depth(0)
        # Draining, a key in progress may still come back, and then whoever works on it is
        # there to take it.
        while self._getters:
            self._wake_one()

    def _add(self, key: K, reasons: Iterable[str]) -> None:
        if self._shut_down:
            return
        wanted = self._wanted.get(key)
        is_new = wanted is None
        if wanted is None:
            wanted = self._wanted[key] = _Wanted(self._clock.monotonic())
            if self._metrics is not None:
                self._metrics.added()
        _merge(wanted.reasons, self._delays.take(key))
        _merge(wanted.reasons, reasons)
        if is_new and key not in self._in_progress:
            self._make_ready(key)

    def _make_ready(self, key: K) -> None:
        self._ready.append(key)
        if self._metrics is not None:
            self._metrics.depth(len(self._ready))
        self._wake_one()

    async def _wait(self) -> None:
        getter = asyncio.get_running_loop().create_future()
        self._getters.append(getter)
        try:
            await getter
        except BaseException:
            # Woken and cancelled at once: what it was woken for is another's now.
            if getter.done() and not getter.cancelled():
                self._wake_one()
            elif getter in self._getters:
                self._getters.remove(getter)
            raise

    def _wake_one(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    def _unfinished_seconds(self) -> float:
        now = self._clock.monotonic()
        return sum(now - started for started in self._in_progress.values())

    def _longest_seconds(self) -> float:
        oldest = min(self._in_progress.values(), default=None)
        return 0.0 if oldest is None else self._clock.monotonic() - oldest


def _default() -> ExponentialBackoff[K]:
    return ExponentialBackoff()


def _merge(reasons: dict[str, None], more: Iterable[str]) -> None:
    for reason in more:
        if len(reasons) >= MAX_REASONS:
            return
        reasons[reason] = None
