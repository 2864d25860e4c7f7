"""Binds pods to nodes: an ordinary client of the API, for control planes without kube-scheduler.

Promises that a pod without a node gets one on which it fits, by priority and age; that a pod
which fits nowhere says why in its PodScheduled condition, written only when the words change;
and that it is looked at again when nodes or other pods change. Knows CPU, memory, storage,
extended resources, selectors, required node affinity, taints and scheduling gates. Does not know
preemption, affinity between pods, topology spread, volumes, host ports or device claims.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import msgspec
import structlog

from mlctl_core.cache.informer import Informer
from mlctl_core.client.client import PatchType
from mlctl_core.client.errors import ClientError, ConflictError, NotFoundError
from mlctl_core.embedded.scheduler.manifest import DEFAULT_SCHEDULER, decode_node, decode_pod
from mlctl_core.embedded.scheduler.placement import Unschedulable, choose
from mlctl_core.embedded.scheduler.state import ClusterState
from mlctl_core.objects.kinds import NODE, POD
from mlctl_core.objects.times import format_time
from mlctl_core.telemetry.events import EventRecorder, Note
from mlctl_core.telemetry.metrics import default_metrics

if TYPE_CHECKING:
    from mlctl_core.cache.informer import Change
    from mlctl_core.client.client import Client
    from mlctl_core.clock import Clock
    from mlctl_core.embedded.scheduler.manifest import Pod
    from mlctl_core.embedded.scheduler.state import PendingPod

__all__ = ["Scheduler"]

# Writes under way at once.
CONCURRENT_WRITES = 8

# Between two passes over the pods that wait: changes come in bursts.
PASS_SECONDS = 0.05

# A write that failed is tried again after this, doubled up to the maximum: kube-scheduler's
# podInitialBackoffSeconds and podMaxBackoffSeconds.
RETRY_SECONDS = 1.0
RETRY_MAX_SECONDS = 10.0

# The API server's words for it, when it sees the gates first.
GATED_MESSAGE = "Scheduling is blocked due to non-empty scheduling gates"

_log = structlog.get_logger(__name__)


class Scheduler:
    """Runs until cancelled. Used from one event loop."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._state = ClusterState()
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(CONCURRENT_WRITES)
        self._told: dict[str, tuple[str, str]] = {}
        self._tries: dict[str, int] = {}
        # What did not fit, and the state's version then: pods like it need not be tried.
        self._hopeless: dict[bytes, tuple[int, str]] = {}
        self._recorder = EventRecorder(
            client, clock=clock, metrics=default_metrics(), identity=DEFAULT_SCHEDULER
        )

    async def run(self) -> None:
        """Follows nodes and pods, and binds, until cancelled."""
        random = Random()  # noqa: S311 - spreads retries
        informers = [
            Informer(self._client, kind, clock=self._clock, random=random) for kind in (NODE, POD)
        ]
        informers[0].add_handler(self._node_changed)
        informers[1].add_handler(self._pod_changed)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._recorder.run())
            for informer in informers:
                group.create_task(informer.run())
            for informer in informers:
                await informer.synced.wait()
            while True:
                await self._wake.wait()
                self._wake.clear()
                self._pass(group)
                await self._clock.sleep(PASS_SECONDS)

    def _node_changed(self, change: Change) -> None:
        try:
            if change.entry is None:
                self._state.remove_node(change.key.name)
            else:
                self._state.set_node(decode_node(change.entry.raw))
        except (ValueError, msgspec.DecodeError) as error:
            _log.warning("node not understood", node=str(change.key), error=str(error))
        self._wake.set()

    def _pod_changed(self, change: Change) -> None:
        old, new = change.old, change.new
        if old is not None and (new is None or new.uid != old.uid):
            self._state.remove_pod(old.uid)
            self._told.pop(old.uid, None)
            self._tries.pop(old.uid, None)
        try:
            if change.entry is not None:
                self._state.set_pod(decode_pod(change.entry.raw))
        except (ValueError, msgspec.DecodeError) as error:
            _log.warning("pod not understood", pod=str(change.key), error=str(error))
        self._wake.set()

    def _pass(self, group: asyncio.TaskGroup) -> None:
        """Places every pod that waits, or says why not."""
        for pending in sorted(self._state.pending.values(), key=lambda p: p.order):
            if pending.pod.spec.scheduling_gates:
                self._tell(group, pending.pod, "SchedulingGated", GATED_MESSAGE)
                continue
            found = self._choose(pending)
            if isinstance(found, Unschedulable):
                self._tell(group, pending.pod, "Unschedulable", found.message)
                continue
            uid = pending.pod.metadata.uid
            self._state.assign(uid, pending.requests, found)
            group.create_task(self._bind(pending, found))

    def _choose(self, pending: PendingPod) -> str | Unschedulable:
        shape = msgspec.json.encode(pending.pod.spec)
        version, message = self._hopeless.get(shape, (-1, ""))
        if version == self._state.version:
            return Unschedulable(message)
        found = choose(pending.pod, pending.requests, self._state.candidates)
        if isinstance(found, Unschedulable):
            self._hopeless = {
                known: value
                for known, value in self._hopeless.items()
                if value[0] == self._state.version
            }
            self._hopeless[shape] = (self._state.version, found.message)
        return found

    async def _bind(self, pending: PendingPod, node: str) -> None:
        metadata = pending.pod.metadata
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {
                "name": metadata.name,
                "namespace": metadata.namespace,
                "uid": metadata.uid,
            },
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        path = POD.path(metadata.namespace, metadata.name, "binding")
        try:
            async with self._slots:
                await self._client.request("POST", path, body=body)
        except (NotFoundError, ConflictError):
            # The pod is gone, or bound by somebody else: its next change will say.
            self._state.release(metadata.uid)
        except ClientError as error:
            _log.warning("pod not bound, will retry", pod=str(metadata.key), error=str(error))
            text = f"binding rejected: {error}"
            self._event(pending.pod, "Warning", "FailedScheduling", text, "Binding")
            self._state.release(metadata.uid)
            tries = self._tries[metadata.uid] = self._tries.get(metadata.uid, 0) + 1
            delay = min(RETRY_SECONDS * 2 ** (tries - 1), RETRY_MAX_SECONDS)
            self._clock.call_later(delay, lambda: self._again(pending))
        else:
            text = f"Successfully assigned {metadata.key} to {node}"
            self._event(pending.pod, "Normal", "Scheduled", text, "Binding")

    def _again(self, pending: PendingPod) -> None:
        self._state.set_pod(pending.pod)
        self._wake.set()

    def _tell(self, group: asyncio.TaskGroup, pod: Pod, reason: str, message: str) -> None:
        """Writes the PodScheduled condition, unless that is what it says."""
        uid = pod.metadata.uid
        reported = next((c for c in pod.status.conditions if c.type == "PodScheduled"), None)
        said = (reported.reason, reported.message) if reported is not None else ("", "")
        if self._told.get(uid, said) == (reason, message):
            return
        self._told[uid] = (reason, message)
        since = reported is not None and reported.status == "False"
        group.create_task(self._write(pod, reason, message, moved=not since))

    async def _write(self, pod: Pod, reason: str, message: str, *, moved: bool) -> None:
        metadata = pod.metadata
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": reason,
            "message": message,
        }
        if moved:
            condition["lastTransitionTime"] = format_time(self._clock.now())
        patch = {"metadata": {"uid": metadata.uid}, "status": {"conditions": [condition]}}
        try:
            async with self._slots:
                await self._client.patch(
                    POD,
                    metadata.name,
                    patch,
                    metadata.namespace,
                    patch_type=PatchType.STRATEGIC,
                    subresource="status",
                )
        except (NotFoundError, ConflictError):
            return
        except ClientError as error:
            _log.warning("condition not written", pod=str(metadata.key), error=str(error))
            self._told.pop(metadata.uid, None)
            self._clock.call_later(RETRY_SECONDS, self._wake.set)
            return
        if reason == "Unschedulable":
            self._event(pod, "Warning", "FailedScheduling", message, "Scheduling")

    def _event(self, pod: Pod, kind: str, reason: str, message: str, action: str) -> None:
        self._recorder.record(
            Note(
                kind=POD,
                metadata=pod.metadata,
                type=kind,
                reason=reason,
                message=message,
                action=action,
                controller=DEFAULT_SCHEDULER,
            )
        )
