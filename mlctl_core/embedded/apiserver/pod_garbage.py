"""Takes away the pods of nodes that are no more, as upstream's pod garbage collector does.

Promise: a pod whose node has been gone, or has never been there, for `QUARANTINE_SECONDS` is
failed, told why by the condition DisruptionTarget, and deleted without grace, since nobody is left
to end it. A node that comes back in time keeps its pods. Other duties of upstream's, such as a
bound on ended pods, are not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.controllers import Worker
from mlctl_core.embedded.apiserver.deleting import delete_record
from mlctl_core.embedded.apiserver.disruption import ENDED, disrupted
from mlctl_core.embedded.apiserver.options import DeleteOptions, WriteOptions
from mlctl_core.embedded.apiserver.records import RecordKey

if TYPE_CHECKING:
    from mlctl_core.clock import TimerHandle
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.history import Event
    from mlctl_core.embedded.apiserver.records import Record
    from mlctl_core.embedded.apiserver.store import Collection

NODES, PODS = "/nodes", "/pods"
NODE_NAME = "spec.nodeName"

QUARANTINE_SECONDS = 40.0
"""Upstream's quarantineTime: how long a node may be missing before it is gone."""

_WHY = ("DeletionByPodGC", "PodGC: node no longer exists")
_OPTIONS = WriteOptions(field_manager="kube-controller-manager")


class PodGarbage:
    """Deletes what no node runs."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._worker = Worker("pods without a node", cluster.clock, self._look_at)
        self._missing: dict[str, TimerHandle] = {}
        """Nodes that are not there, each until it is looked for once more."""

    def start(self) -> None:
        """Follow nodes and pods."""
        self._cluster.store.listen(self._changed)
        self._worker.start()

    async def stop(self) -> None:
        """Stop following."""
        for timer in self._missing.values():
            timer.cancel()
        self._missing.clear()
        await self._worker.stop()

    def _changed(self, collection: Collection, event: Event) -> None:
        if collection.name == NODES and event.type == "DELETED":
            self._suspect(event.record.key.name)
        elif collection.name == PODS and event.type != "DELETED":
            node = event.record.fields.get(NODE_NAME, "")
            if node and not self._is_there(node):
                self._suspect(node)

    def _is_there(self, node: str) -> bool:
        return RecordKey("", node) in self._cluster.store.collection(NODES).objects

    def _suspect(self, node: str) -> None:
        if node not in self._missing:
            self._missing[node] = self._cluster.clock.call_later(
                QUARANTINE_SECONDS, lambda: self._worker.add(node)
            )

    def _look_at(self, node: str) -> None:
        self._missing.pop(node, None)
        if self._is_there(node):
            return
        for record in self._cluster.store.collection(PODS).records():
            if record.fields.get(NODE_NAME) == node:
                self._take_away(record)

    def _take_away(self, record: Record) -> None:
        resource = self._cluster.registry.by_collection(PODS)
        assert resource is not None
        if (record.to_json().get("status") or {}).get("phase") not in ENDED:
            record = disrupted(self._cluster, resource, record, _WHY, _OPTIONS, failed=True)
        delete_record(self._cluster, resource, record, DeleteOptions(grace_period_seconds=0))
