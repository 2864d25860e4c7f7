"""Lets events go after an hour, as kube-apiserver does: they are news, not state."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.history import Event
    from mlctl_core.embedded.apiserver.records import RecordKey
    from mlctl_core.embedded.apiserver.store import Collection

EVENTS = "/events"
LIFETIME_SECONDS = 3600.0
"""kube-apiserver's --event-ttl."""

CHECK_SECONDS = 60.0


class EventExpiry:
    """Removes events that nobody has written to for an hour."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._written: deque[tuple[float, RecordKey, int]] = deque()
        """(when, which, revision) of every write, oldest first."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch the time."""
        self._cluster.store.listen(self._changed)
        self._task = asyncio.create_task(self._run(), name="event expiry")

    async def stop(self) -> None:
        """Stop; what is left stays."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _changed(self, collection: Collection, event: Event) -> None:
        if collection.name == EVENTS and event.type != "DELETED":
            now = self._cluster.clock.monotonic()
            self._written.append((now, event.record.key, event.revision))

    async def _run(self) -> None:
        while True:
            await self._cluster.clock.sleep(CHECK_SECONDS)
            self._expire(self._cluster.clock.monotonic() - LIFETIME_SECONDS)

    def _expire(self, before: float) -> None:
        collection = self._cluster.store.collection(EVENTS)
        resource = self._cluster.registry.by_collection(EVENTS)
        while self._written and self._written[0][0] <= before:
            _, key, revision = self._written.popleft()
            record = collection.objects.get(key)
            if resource is not None and record is not None and record.revision == revision:
                selectable = self._cluster.selectable(resource)
                self._cluster.store.remove(collection, record.to_json(), selectable)
