"""How the server's own controllers run: keys to look at again, one worker, no polling.

Promise: a key that is added is looked at once more after its last adding; one that fails is
looked at again after a delay that grows; a failure touches no other key. Changes of the store
reach a controller at once, since they happen in the same process.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from mlctl_core.clock import Clock

_log = structlog.get_logger(__name__)

FIRST_RETRY_SECONDS = 0.05
LONGEST_RETRY_SECONDS = 10.0
"""Failures here are bugs or objects that wait for somebody; ten seconds cost nothing."""

BATCH = 100
"""Keys handled before requests get their turn; a namespace may have thousands."""


class Controller(Protocol):
    """Something that follows the store from start to stop."""

    def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """End; returns when nothing of it runs any more."""


K = TypeVar("K", bound="Hashable")


class Worker(Generic[K]):
    """Calls a function with each key that was added."""

    def __init__(self, name: str, clock: Clock, handle: Callable[[K], None]) -> None:
        self._name = name
        self._clock = clock
        self._handle = handle
        self._keys: dict[K, None] = {}
        self._failures: dict[K, int] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, key: K) -> None:
        """Have a key looked at."""
        self._keys[key] = None
        self._wake.set()

    def start(self) -> None:
        """Begin to work."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """Stop working; what is left is forgotten."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._keys:
                for key in list(self._keys)[:BATCH]:
                    del self._keys[key]
                    self._try(key)
                await self._clock.sleep(0)

    def _try(self, key: K) -> None:
        try:
            self._handle(key)
        except Exception as error:  # noqa: BLE001 (one bad key stops nothing)
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            delay = min(FIRST_RETRY_SECONDS * 2 ** min(failures, 16), LONGEST_RETRY_SECONDS)
            _log.warning("will try again", controller=self._name, key=str(key), error=str(error))
            self._clock.call_later(delay, lambda: self.add(key))
        else:
            self._failures.pop(key, None)
