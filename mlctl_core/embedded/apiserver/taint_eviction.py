"""Deletes pods from nodes whose NoExecute taints they do not tolerate, as upstream's taint manager.

Promise: a pod without the tolerations goes at once, one that tolerates for a while when that is
over, told why by the condition DisruptionTarget; a taint that is taken away in time changes
nothing. Nobody here taints a node that does not answer: that takes a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlctl_core.embedded.apiserver.controllers import Worker
from mlctl_core.embedded.apiserver.deleting import delete_record
from mlctl_core.embedded.apiserver.disruption import disrupted
from mlctl_core.embedded.apiserver.options import DeleteOptions, WriteOptions
from mlctl_core.embedded.apiserver.pod_garbage import NODE_NAME, NODES, PODS

if TYPE_CHECKING:
    from mlctl_core.clock import TimerHandle
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.history import Event
    from mlctl_core.embedded.apiserver.records import RecordKey
    from mlctl_core.embedded.apiserver.store import Collection
    from mlctl_core.objects.json import Json

NO_EXECUTE = "NoExecute"

_WHY = ("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
_OPTIONS = WriteOptions(field_manager="kube-controller-manager")


class _Stay(NamedTuple):
    """A pod that tolerates for a while."""

    uid: str
    end: TimerHandle


class TaintEviction:
    """Keeps pods off nodes that do not want them any more."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._worker = Worker("taints", cluster.clock, self._look_at)
        self._taints: dict[str, list[Json]] = {}
        """The NoExecute taints of nodes that have any."""
        self._stays: dict[RecordKey, _Stay] = {}

    def start(self) -> None:
        """Follow nodes and pods."""
        self._cluster.store.listen(self._changed)
        self._worker.start()

    async def stop(self) -> None:
        """Stop following; who may stay for a while stays."""
        for stay in self._stays.values():
            stay.end.cancel()
        self._stays.clear()
        await self._worker.stop()

    def _changed(self, collection: Collection, event: Event) -> None:
        record = event.record
        if collection.name == NODES:
            taints = [] if event.type == "DELETED" else _no_execute(record.to_json())
            self._tainted(record.key.name, taints)
        elif collection.name == PODS:
            if event.type == "DELETED":
                self._end_stay(record.key)
            elif record.fields.get(NODE_NAME) in self._taints:
                self._worker.add(record.key)

    def _tainted(self, node: str, taints: list[Json]) -> None:
        if taints == self._taints.get(node, []):
            return
        if taints:
            self._taints[node] = taints
        else:
            del self._taints[node]
        for record in self._cluster.store.collection(PODS).records():
            if record.fields.get(NODE_NAME) == node:
                self._worker.add(record.key)

    def _look_at(self, key: RecordKey) -> None:
        record = self._cluster.store.collection(PODS).objects.get(key)
        if record is None or record.deleting:
            self._end_stay(key)
            return
        taints = self._taints.get(record.fields.get(NODE_NAME, ""), [])
        tolerations = (record.to_json().get("spec") or {}).get("tolerations") or []
        patience = _patience(taints, tolerations)
        if patience is None:
            self._end_stay(key)
        elif patience <= 0:
            self._evict(key)
        elif (stay := self._stays.get(key)) is None or stay.uid != record.uid:
            self._end_stay(key)
            end = self._cluster.clock.call_later(patience, lambda: self._evict(key))
            self._stays[key] = _Stay(record.uid, end)

    def _end_stay(self, key: RecordKey) -> None:
        stay = self._stays.pop(key, None)
        if stay is not None:
            stay.end.cancel()

    def _evict(self, key: RecordKey) -> None:
        self._end_stay(key)
        resource = self._cluster.registry.by_collection(PODS)
        record = self._cluster.store.collection(PODS).objects.get(key)
        if resource is None or record is None or record.deleting:
            return
        record = disrupted(self._cluster, resource, record, _WHY, _OPTIONS)
        delete_record(self._cluster, resource, record, DeleteOptions())


def _no_execute(node: Json) -> list[Json]:
    taints = (node.get("spec") or {}).get("taints") or []
    return [taint for taint in taints if taint.get("effect") == NO_EXECUTE]


def _patience(taints: list[Json], tolerations: list[Json]) -> float | None:
    """For how many seconds a pod may stay, the shortest of its tolerations; None is for ever."""
    used: list[Json] = []
    for taint in taints:
        matching = [one for one in tolerations if _tolerates(one, taint)]
        if not matching:
            return 0.0
        used += matching
    limits = [one["tolerationSeconds"] for one in used if one.get("tolerationSeconds") is not None]
    return float(min(limits)) if limits else None


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") not in {None, "", NO_EXECUTE}:
        return False
    if toleration.get("key") not in {None, "", taint.get("key")}:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return (toleration.get("value") or "") == (taint.get("value") or "")
