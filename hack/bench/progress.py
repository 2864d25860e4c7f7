"""How far the jobs are: which have not succeeded, and which pods are not done with."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from mlctl_core.cache.informer import Change
    from mlctl_core.objects.keys import ObjectKey

_OVER = frozenset({"Succeeded", "Failed"})


class StalledError(Exception):
    """The jobs do not get on, or one has failed."""


class _Status(msgspec.Struct):
    phase: str = ""
    message: str = ""


class _Object(msgspec.Struct):
    status: _Status = msgspec.field(default_factory=_Status)


_decoder = msgspec.json.Decoder(_Object)


class Progress:
    """What is left to do of so many jobs."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._succeeded: set[ObjectKey] = set()
        self._pods: set[ObjectKey] = set()
        """Those that have not ended, or that somebody has still to let go."""
        self._failed: str = ""
        self._moved = asyncio.Event()

    @property
    def is_settled(self) -> bool:
        """Whether all jobs have succeeded and nobody has anything left to do about their pods."""
        return len(self._succeeded) == self._jobs and not self._pods

    def job_changed(self, change: Change) -> None:
        """Take notice of a job."""
        self._moved.set()
        if change.entry is None:
            self._succeeded.discard(change.key)
            return
        status = _decoder.decode(change.entry.raw).status
        if status.phase == "Succeeded":
            self._succeeded.add(change.key)
        elif status.phase == "Failed":
            self._failed = f"{change.key} failed: {status.message}"

    def pod_changed(self, change: Change) -> None:
        """Take notice of a pod."""
        self._moved.set()
        self._pods.discard(change.key)
        if change.entry is None:
            return
        is_over = _decoder.decode(change.entry.raw).status.phase in _OVER
        metadata = change.entry.metadata
        if not is_over or metadata.finalizers or metadata.deleting:
            self._pods.add(change.key)

    async def settled(self, patience: float) -> None:
        """Return when all is done.

        Raises:
            StalledError: a job failed, or nothing has happened for ``patience`` seconds.
        """
        while not self.is_settled:
            self._moved.clear()
            try:
                await asyncio.wait_for(self._moved.wait(), patience)
            except TimeoutError:
                raise StalledError(
                    f"{len(self._succeeded)} of {self._jobs} jobs succeeded, {len(self._pods)} "
                    f"pods are not done with, and nothing has happened for {patience:.0f} s"
                ) from None
            if self._failed:
                raise StalledError(self._failed)
