"""Owner garbage collection: what happens to dependents when their owners go.

Promise, as of upstream's collector: an object all of whose owners are gone (by UID) is deleted
in the background, also when they were gone before it was made; an owner that is deleted in
the foreground waits for the dependents that block it; one whose dependents are orphaned
loses them first. Owners are found across all kinds, custom ones included. A reference to a
kind that is not served is left alone, unless the owner was seen to go, as with its definition;
one into another namespace is not an owner that exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlctl_core.embedded.apiserver.controllers import Worker
from mlctl_core.embedded.apiserver.conversion import from_stored
from mlctl_core.embedded.apiserver.deleting import FOREGROUND, ORPHAN, delete_record
from mlctl_core.embedded.apiserver.options import DeleteOptions, WriteOptions
from mlctl_core.embedded.apiserver.updating import commit

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.history import Event
    from mlctl_core.embedded.apiserver.records import Record
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.embedded.apiserver.store import Collection
    from mlctl_core.objects.json import Json

_OPTIONS = WriteOptions(field_manager="kube-controller-manager")


class _Owners(NamedTuple):
    """The references of an object, by what has become of their owners."""

    solid: list[Json]
    gone: list[Json]
    waiting: list[Json]
    """Owners that are being deleted in the foreground and wait for this one."""


class GarbageCollector:
    """Deletes what nobody owns any more."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._worker = Worker("garbage collector", cluster.clock, self._look_at)
        self._dependents: dict[str, set[str]] = {}
        """UIDs of dependents by UID of an owner."""
        self._absent: set[str] = set()
        """UIDs of owners that were seen to go and whose dependents are still there."""

    def start(self) -> None:
        """Follow all objects."""
        self._cluster.store.listen(self._changed)
        self._worker.start()

    async def stop(self) -> None:
        """Stop following."""
        await self._worker.stop()

    def _changed(self, _: Collection, event: Event) -> None:
        record, previous = event.record, event.previous
        if event.type == "DELETED":
            for owner in record.owners:
                self._drop(owner, record.uid)
                self._worker.add(owner)  # It may have waited for this one.
            for dependent in self._dependents.get(record.uid, ()):
                self._absent.add(record.uid)
                self._worker.add(dependent)
            return
        before = previous.owners if previous is not None else ()
        if record.owners != before:
            for owner in before:
                self._drop(owner, record.uid)
                self._worker.add(owner)
            for owner in record.owners:
                self._dependents.setdefault(owner, set()).add(record.uid)
            if record.owners:
                self._worker.add(record.uid)
        if record.deleting:
            self._worker.add(record.uid)

    def _drop(self, owner: str, dependent: str) -> None:
        dependents = self._dependents.get(owner)
        if dependents is not None:
            dependents.discard(dependent)
            if not dependents:
                del self._dependents[owner]
                self._absent.discard(owner)

    def _find(self, uid: str) -> tuple[Resource, Record] | None:
        found = self._cluster.store.by_uid.get(uid)
        if found is None:
            return None
        collection, key = found
        resource = self._cluster.registry.by_collection(collection.name)
        record = collection.objects.get(key)
        if resource is None or record is None:
            return None
        return resource, record

    def _look_at(self, uid: str) -> None:
        found = self._find(uid)
        if found is None:
            return
        resource, record = found
        obj = record.to_json()
        if record.deleting:
            finalizers = obj["metadata"].get("finalizers") or []
            if ORPHAN in finalizers:
                self._orphan(uid)
                self._finish(resource, record, ORPHAN)
            elif FOREGROUND in finalizers:
                self._wait_for_dependents(resource, record)
            return
        if record.owners:
            self._judge(resource, record, obj)

    def _judge(self, resource: Resource, record: Record, obj: Json) -> None:
        """Delete an object without owners, or strike out the owners that are gone."""
        owners = self._owners(record, obj)
        if owners.solid:
            if owners.gone or owners.waiting:
                left = [owner["uid"] for owner in owners.solid]
                self._keep_owners(resource, record, set(left))
            return
        if not owners.gone and not owners.waiting:
            return
        policy = "Background"
        finalizers = obj["metadata"].get("finalizers") or []
        if ORPHAN in finalizers:
            policy = "Orphan"
        elif FOREGROUND in finalizers or (owners.waiting and self._dependents.get(record.uid)):
            policy = "Foreground"
        delete_record(self._cluster, resource, record, DeleteOptions(propagation=policy))

    def _owners(self, record: Record, obj: Json) -> _Owners:
        owners = _Owners([], [], [])
        for reference in obj["metadata"].get("ownerReferences") or []:
            owner = self._owner_of(record, reference)
            if owner is None:
                if reference.get("uid") in self._absent or self._is_known(reference):
                    owners.gone.append(reference)
                else:
                    owners.solid.append(reference)
            elif owner.deleting and FOREGROUND in _finalizers(owner):
                owners.waiting.append(reference)
            else:
                owners.solid.append(reference)
        return owners

    def _is_known(self, reference: Json) -> bool:
        """Whether the kind is served; of another nobody can say that the object is gone."""
        kind, api_version = reference.get("kind", ""), reference.get("apiVersion", "")
        return self._cluster.registry.by_kind(api_version, kind) is not None

    def _owner_of(self, record: Record, reference: Json) -> Record | None:
        found = self._find(reference.get("uid", ""))
        if found is None:
            return None
        resource, owner = found
        if resource.kind != reference.get("kind") or owner.key.name != reference.get("name"):
            return None
        if owner.key.namespace not in {"", record.key.namespace}:
            return None
        return owner

    def _wait_for_dependents(self, resource: Resource, record: Record) -> None:
        """Let an owner go once nothing is left that blocks it; have the rest deleted."""
        blocked = False
        for uid in tuple(self._dependents.get(record.uid, ())):
            found = self._find(uid)
            if found is None:
                continue
            dependent, obj = found[1], found[1].to_json()
            if not dependent.deleting:
                self._worker.add(uid)
            blocked = blocked or any(
                owner.get("uid") == record.uid and owner.get("blockOwnerDeletion")
                for owner in obj["metadata"].get("ownerReferences") or []
            )
        if not blocked:
            self._finish(resource, record, FOREGROUND)

    def _orphan(self, owner: str) -> None:
        for uid in tuple(self._dependents.get(owner, ())):
            found = self._find(uid)
            if found is not None:
                resource, record = found
                others = {one for one in record.owners if one != owner}
                self._keep_owners(resource, record, others)

    def _keep_owners(self, resource: Resource, record: Record, uids: set[str]) -> None:
        obj = from_stored(record, resource)
        references = obj["metadata"].get("ownerReferences") or []
        kept = [reference for reference in references if reference.get("uid") in uids]
        if kept:
            obj["metadata"]["ownerReferences"] = kept
        else:
            obj["metadata"].pop("ownerReferences", None)
        commit(self._cluster, resource, record, obj, _OPTIONS)

    def _finish(self, resource: Resource, record: Record, finalizer: str) -> None:
        obj = from_stored(record, resource)
        kept = [name for name in obj["metadata"].get("finalizers") or [] if name != finalizer]
        obj["metadata"]["finalizers"] = kept
        commit(self._cluster, resource, record, obj, _OPTIONS)


def _finalizers(record: Record) -> list[str]:
    return record.to_json()["metadata"].get("finalizers") or []
