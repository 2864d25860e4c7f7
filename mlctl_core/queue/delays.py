"""Keys that come due later: one heap and one timer for all of them.

Promises that a key is waited for once, at the earliest time that was asked for. A timer or a
task for each key would cost five times as much.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from mlctl_core.clock import Clock, TimerHandle

__all__ = ["Delays"]

K = TypeVar("K", bound="Hashable")

# Entries of keys that no longer wait for them stay in the heap until it holds this many more
# than there are keys; then it is built anew. A key that waits for an hour and is woken by
# events each second would leave 3,600 of them otherwise.
MAX_DEAD_ENTRIES = 1_000


class Delays(Generic[K]):
    """Calls ``due`` with each key when its time has come.

    Args:
        clock: Time.
        due: Called from the event loop with the key and the reasons it was given.
    """

    def __init__(self, clock: Clock, due: Callable[[K, Iterable[str]], None]) -> None:
        self._clock = clock
        self._due = due
        # By key: when, the number of the heap's entry, and why.
        self._waiting: dict[K, tuple[float, int, dict[str, None]]] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._entries = 0
        self._timer: TimerHandle | None = None
        self._timer_at = float("inf")

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, key: K, seconds: float, reasons: Iterable[str]) -> None:
        """Let ``key`` wait for ``seconds``, or for what is left of an earlier wait if less."""
        at = self._clock.monotonic() + seconds
        waiting = self._waiting.get(key)
        merged = waiting[2] if waiting is not None else {}
        merged.update(dict.fromkeys(reasons))
        if waiting is not None and waiting[0] <= at:
            return
        self._entries += 1
        self._waiting[key] = (at, self._entries, merged)
        # The number decides between equal times: keys need not be comparable.
        heapq.heappush(self._heap, (at, self._entries, key))
        if len(self._heap) > len(self._waiting) + MAX_DEAD_ENTRIES:
            self._rebuild()
        self._set_timer()

    def take(self, key: K) -> Iterable[str]:
        """Wait for ``key`` no longer; the reasons it was given, none if it did not wait."""
        waiting = self._waiting.pop(key, None)
        return waiting[2] if waiting is not None else ()

    def clear(self) -> None:
        """Wait for nothing any more."""
        self._waiting.clear()
        self._heap.clear()
        self._set_timer()

    def _rebuild(self) -> None:
        self._heap = [(at, number, key) for key, (at, number, _) in self._waiting.items()]
        heapq.heapify(self._heap)

    def _set_timer(self) -> None:
        next_at = self._heap[0][0] if self._heap else float("inf")
        if next_at == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_at = next_at
        if self._heap:
            wait = max(0.0, next_at - self._clock.monotonic())
            self._timer = self._clock.call_later(wait, self._fire)

    def _fire(self) -> None:
        self._timer, self._timer_at = None, float("inf")
        now = self._clock.monotonic()
        while self._heap and self._heap[0][0] <= now:
            _, number, key = heapq.heappop(self._heap)
            waiting = self._waiting.get(key)
            if waiting is not None and waiting[1] == number:
                self._due(key, self.take(key))
        self._set_timer()
