"""The pods of one node in mode ``process``.

Promises that one bad pod stops no other, that every process is gone when `ProcessRuntime.stop`
returns, and that what a pod left on disk goes when the pod does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from mlctl_core.embedded.node.admission import Admission
from mlctl_core.embedded.node.log_reader import read_log
from mlctl_core.embedded.node.logs import (
    BAD_REQUEST,
    NOT_FOUND,
    LogsUnavailableError,
    not_started,
)
from mlctl_core.embedded.node.pod_status import TERMINAL_PHASES
from mlctl_core.embedded.node.process_pod import ProcessPod
from mlctl_core.embedded.node.removal import Removal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mlctl_core.embedded.node.log_reader import LogOptions
    from mlctl_core.embedded.node.manifest import Pod
    from mlctl_core.embedded.node.surroundings import Surroundings

__all__ = ["ProcessRuntime"]

_log = structlog.get_logger(__name__)


class ProcessRuntime:
    """Runs the pods that are given to it as local processes."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self._admission = Admission(surroundings.facts.allocatable)
        self._pods: dict[str, ProcessPod] = {}
        self._ended: dict[str, Removal] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cleanups: set[asyncio.Task[None]] = set()

    def observe(self, pod: Pod) -> None:
        """A pod of this node is there, or has changed."""
        uid = pod.metadata.uid
        if (known := self._pods.get(uid)) is not None:
            known.update(pod)
            return
        if pod.status.phase in TERMINAL_PHASES:  # it ended under an earlier process of this node
            if pod.metadata.deleting:
                self._around.writer.changed(self._ended.setdefault(uid, Removal(pod)))
            return
        name = f"{pod.metadata.namespace}_{pod.metadata.name}_{uid}"
        directory = self._around.directory / name
        started = ProcessPod(pod, self._around, directory, self._admission)
        self._pods[uid] = started
        self._tasks[uid] = asyncio.create_task(self._run(started), name=f"pod {pod.metadata.key}")

    def forget(self, uid: str) -> None:
        """The object is gone: whatever still runs of it is killed, and its files go."""
        self._ended.pop(uid, None)
        self._admission.release(uid)
        pod, task = self._pods.pop(uid, None), self._tasks.pop(uid, None)
        if pod is None or task is None:
            return
        cleanup = asyncio.create_task(self._clean_up(pod, task))
        self._cleanups.add(cleanup)
        cleanup.add_done_callback(self._cleanups.discard)

    async def stop(self) -> None:
        """Kills every process of every pod; the API server is told nothing."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*(pod.kill() for pod in self._pods.values()))
        await asyncio.gather(*self._tasks.values(), *self._cleanups, return_exceptions=True)

    def logs(
        self, namespace: str, name: str, container: str, options: LogOptions
    ) -> AsyncIterator[bytes]:
        """A container's output.

        Raises:
            LogsUnavailableError: no such pod or container here, or it has not run yet.
        """
        found = [p for p in self._pods.values() if p.metadata.key == (namespace, name)]
        if not found:
            raise LogsUnavailableError(NOT_FOUND, f'pod "{name}" not found')
        pod = found[-1]
        if container not in pod.machine.records:
            text = f'container "{container}" not found in pod "{name}"'
            raise LogsUnavailableError(NOT_FOUND, text)
        logs = pod.logs.get(container, [])
        if options.previous:
            if not logs[:-1]:
                text = f'previous terminated container "{container}" in pod "{name}" not found'
                raise LogsUnavailableError(BAD_REQUEST, text)
            return read_log(logs[-2].path, options)
        if not logs:
            raise not_started(pod.machine, container)
        return read_log(logs[-1].path, options, logs[-1])

    async def _run(self, pod: ProcessPod) -> None:
        try:
            await pod.run()
        except Exception:  # noqa: BLE001 - one bad pod stops no other
            _log.exception("pod given up", pod=str(pod.metadata.key))
            await pod.kill()

    async def _clean_up(self, pod: ProcessPod, task: asyncio.Task[None]) -> None:
        task.cancel()
        await pod.kill()
        await asyncio.to_thread(pod.remove_files)
