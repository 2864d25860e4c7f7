"""The life of namespaces: what each one has from the start, and how one ends.

Promise: every namespace that is not ending has the service account `default` and the
ConfigMap `kube-root-ca.crt`. A deleted one is emptied of everything, custom resources too,
says in its conditions what it waits for, and is gone when nothing is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.bootstrap import INITIAL_NAMESPACES
from mlctl_core.embedded.apiserver.controllers import Worker
from mlctl_core.embedded.apiserver.creating import create
from mlctl_core.embedded.apiserver.deleting import delete_record
from mlctl_core.embedded.apiserver.options import DeleteOptions, WriteOptions
from mlctl_core.embedded.apiserver.preparing import NAMESPACES
from mlctl_core.embedded.apiserver.updating import commit

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.history import Event
    from mlctl_core.embedded.apiserver.records import Record
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.embedded.apiserver.store import Collection
    from mlctl_core.objects.json import Json

FINALIZER = "kubernetes"
SERVICE_ACCOUNT = "default"
ROOT_CA = "kube-root-ca.crt"

_ROOT_CA_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
    "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
    "guaranteed across distributions of Kubernetes clusters."
)
_OPTIONS = WriteOptions(field_manager="kube-controller-manager")
_BACKGROUND = DeleteOptions(propagation="Background")


class NamespaceController:
    """Fills and empties namespaces."""

    def __init__(self, cluster: Cluster, root_certificate: str) -> None:
        self._cluster = cluster
        self._root_certificate = root_certificate
        self._worker = Worker("namespaces", cluster.clock, self._look_at)

    def start(self) -> None:
        """Follow all namespaces, those that were there before among them."""
        self._cluster.store.listen(self._changed)
        for name in INITIAL_NAMESPACES:
            # At once and not by the worker: a client that asks first finds them complete.
            self._look_at(name)
        self._worker.start()

    async def stop(self) -> None:
        """Stop following."""
        await self._worker.stop()

    def _changed(self, collection: Collection, event: Event) -> None:
        if collection.name == NAMESPACES:
            self._worker.add(event.record.key.name)
        elif event.type == "DELETED":
            # An ending namespace is looked at when the last of a kind has gone, not for each.
            key = event.record.key
            if key.name in _KEPT or not collection.holds(key.namespace):
                self._worker.add(key.namespace)

    def _look_at(self, name: str) -> None:
        record = self._cluster.store.collection(NAMESPACES).get("", name)
        if record is None:
            return
        if record.deleting:
            self._empty(record)
        else:
            self._fill(name)

    def _fill(self, namespace: str) -> None:
        wanted: list[tuple[str, Json]] = [
            ("ServiceAccount", {"metadata": {"name": SERVICE_ACCOUNT}}),
            (
                "ConfigMap",
                {
                    "metadata": {
                        "name": ROOT_CA,
                        "annotations": {"kubernetes.io/description": _ROOT_CA_DESCRIPTION},
                    },
                    "data": {"ca.crt": self._root_certificate},
                },
            ),
        ]
        for kind, obj in wanted:
            resource = self._resource("v1", kind)
            name = obj["metadata"]["name"]
            if self._cluster.collection(resource).get(namespace, name) is None:
                create(self._cluster, resource, obj, namespace, _OPTIONS)

    def _empty(self, namespace: Record) -> None:
        name = namespace.key.name
        for resource, records in self._content(name):
            for record in records:
                if not record.deleting:
                    delete_record(self._cluster, resource, record, _BACKGROUND)
        left = self._content(name)
        resource = self._resource("v1", "Namespace")
        obj = namespace.to_json()
        if left:
            obj.setdefault("status", {})["conditions"] = self._conditions(obj, left)
            commit(self._cluster, resource, namespace, obj, _OPTIONS, subresource="status")
            return
        spec = obj.setdefault("spec", {})
        others = [name for name in spec.get("finalizers", []) if name != FINALIZER]
        spec["finalizers"] = others
        commit(self._cluster, resource, namespace, obj, _OPTIONS, subresource="finalize")

    def _content(self, namespace: str) -> list[tuple[Resource, list[Record]]]:
        found = []
        for collection in list(self._cluster.store.collections()):
            records = collection.records(namespace)
            resource = self._cluster.registry.by_collection(collection.name) if records else None
            if resource is not None and resource.namespaced:
                found.append((resource, records))
        return found

    def _conditions(self, obj: Json, left: list[tuple[Resource, list[Record]]]) -> list[Json]:
        """Say what is waited for, in the words of upstream's namespace controller."""
        remaining, holding = _remaining(left), _finalizers(left)
        said = [
            (
                "NamespaceDeletionDiscoveryFailure",
                "False",
                "ResourcesDiscovered",
                "All resources successfully discovered",
            ),
            (
                "NamespaceDeletionGroupVersionParsingFailure",
                "False",
                "ParsedGroupVersions",
                "All legacy kube types successfully parsed",
            ),
            (
                "NamespaceDeletionContentFailure",
                "False",
                "ContentDeleted",
                "All content successfully deleted, may be waiting on finalization",
            ),
            ("NamespaceContentRemaining", "True", "SomeResourcesRemain", remaining),
            (
                "NamespaceFinalizersRemaining",
                "True" if holding else "False",
                "SomeFinalizersRemain" if holding else "ContentHasNoFinalizers",
                holding or "All content-preserving finalizers finished",
            ),
        ]
        before = {one["type"]: one for one in (obj.get("status") or {}).get("conditions", [])}
        conditions = []
        for type_, status, reason, message in said:
            old = before.get(type_, {})
            same = old.get("status") == status
            moved = old["lastTransitionTime"] if same else self._cluster.now()
            conditions.append(
                {
                    "type": type_,
                    "status": status,
                    "lastTransitionTime": moved,
                    "reason": reason,
                    "message": message,
                }
            )
        return conditions

    def _resource(self, api_version: str, kind: str) -> Resource:
        resource = self._cluster.registry.by_kind(api_version, kind)
        assert resource is not None, f"{kind} is built in"
        return resource


_KEPT = (SERVICE_ACCOUNT, ROOT_CA)
"""Names of what comes back when it is deleted."""


def _remaining(left: list[tuple[Resource, list[Record]]]) -> str:
    counts = []
    for resource, records in left:
        counts.append(f"{_named(resource)} has {len(records)} resource instances")
    return "Some resources are remaining: " + ", ".join(sorted(counts))


def _finalizers(left: list[tuple[Resource, list[Record]]]) -> str:
    counts: dict[str, int] = {}
    for _, records in left:
        for record in records:
            for name in record.to_json()["metadata"].get("finalizers") or []:
                counts[name] = counts.get(name, 0) + 1
    if not counts:
        return ""
    listed = [f"{name} in {count} resource instances" for name, count in sorted(counts.items())]
    return "Some content in the namespace has finalizers remaining: " + ", ".join(listed)


def _named(resource: Resource) -> str:
    return f"{resource.plural}.{resource.group}"
