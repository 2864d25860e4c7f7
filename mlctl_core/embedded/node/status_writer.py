"""Writes pod statuses to the API server: few, in order per pod, and never in anyone's way.

Promises that the latest status of each pod arrives as long as the API server can be reached,
that what changes while a write is under way becomes one next write, that nothing is sent when
nothing has changed, and that a pod whose end was asked for is removed after its last status.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import structlog

from mlctl_core.client.client import PatchType
from mlctl_core.client.errors import (
    ApiError,
    ClientError,
    ConflictError,
    ConnectionFailedError,
    NotFoundError,
    TooManyRequestsError,
)
from mlctl_core.objects.kinds import POD

if TYPE_CHECKING:
    from mlctl_core.client.client import Client
    from mlctl_core.clock import Clock
    from mlctl_core.objects.json import Json
    from mlctl_core.objects.metadata import Metadata

__all__ = ["Published", "StatusWriter"]

# Writes under way at once: enough to keep a local API server busy, few enough to leave it room.
CONCURRENT_WRITES = 8

# A server that is away is asked again after this, doubled up to the maximum.
RETRY_SECONDS = 0.5
RETRY_MAX_SECONDS = 30.0

_SERVER_ERROR = 500

_log = structlog.get_logger(__name__)


class Published(Protocol):
    """A pod whose status is kept up to date. One instance per UID."""

    written: Json | None
    """The status that the API server has; set by the writer."""

    @property
    def metadata(self) -> Metadata:
        """Of the pod."""

    @property
    def removable(self) -> bool:
        """Whether its deletion was asked for and nothing of it is left."""

    def status(self) -> Json:
        """The status as it is now."""


class StatusWriter:
    """Keeps what the API server says of pods equal to what this node knows."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._queue: asyncio.Queue[Published] = asyncio.Queue()
        self._waiting: set[Published] = set()
        self._writing: set[Published] = set()
        self._again: set[Published] = set()
        self._failures: dict[Published, int] = {}

    def changed(self, pod: Published) -> None:
        """The pod's status may differ from what was written; returns at once."""
        if pod in self._writing:
            self._again.add(pod)
        elif pod not in self._waiting:
            self._waiting.add(pod)
            self._queue.put_nowait(pod)

    async def run(self) -> None:
        """Writes until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENT_WRITES):
                group.create_task(self._work())

    async def drain(self) -> None:
        """Returns when everything that was reported has been written or given up."""
        await self._queue.join()

    async def _work(self) -> None:
        while True:
            pod = await self._queue.get()
            self._waiting.discard(pod)
            self._writing.add(pod)
            try:
                await self._write(pod)
                self._failures.pop(pod, None)
            except ClientError as error:
                self._failed(pod, error)
            except Exception:  # noqa: BLE001 - one bad pod stops no other
                _log.exception("status not written", pod=str(pod.metadata.key))
            finally:
                self._writing.discard(pod)
                if pod in self._again:
                    self._again.discard(pod)
                    self.changed(pod)
                self._queue.task_done()

    async def _write(self, pod: Published) -> None:
        status = pod.status()
        metadata = pod.metadata
        removable = pod.removable
        if status != pod.written:
            await self._client.patch(
                POD,
                metadata.name,
                {"metadata": {"uid": metadata.uid}, "status": status},
                metadata.namespace,
                patch_type=PatchType.STRATEGIC,
                subresource="status",
            )
            pod.written = status
        # A grace of zero means that the object only waits for its finalizers.
        if removable and metadata.deletion_grace_period_seconds != 0:
            await self._client.delete(
                POD, metadata.name, metadata.namespace, uid=metadata.uid, grace_period_seconds=0
            )

    def _failed(self, pod: Published, error: ClientError) -> None:
        if isinstance(error, NotFoundError | ConflictError):
            return  # the pod is gone, or another one has its name
        transient = isinstance(error, ConnectionFailedError | TooManyRequestsError) or (
            isinstance(error, ApiError) and error.status >= _SERVER_ERROR
        )
        log = _log.bind(pod=str(pod.metadata.key), error=str(error))
        if not transient:
            log.error("status refused")
            return
        log.warning("status not written, will retry")
        failures = self._failures[pod] = self._failures.get(pod, 0) + 1
        delay = min(RETRY_SECONDS * 2 ** (failures - 1), RETRY_MAX_SECONDS)
        self._clock.call_later(delay, lambda: self.changed(pod))
