"""Serves what CustomResourceDefinitions define, and stops when they go.

Promise: a definition is served from the moment it is stored; its conditions NamesAccepted and
Established follow at once. One whose names another has taken waits until they are free.
A deleted one refuses new objects, takes its objects with it, and is gone after the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.controllers import Worker
from mlctl_core.embedded.apiserver.definitions import (
    CLEANUP,
    DEFINITIONS,
    resources_of,
    stored_resources,
)
from mlctl_core.embedded.apiserver.deleting import delete_record
from mlctl_core.embedded.apiserver.options import DeleteOptions, WriteOptions
from mlctl_core.embedded.apiserver.records import encode, make_record
from mlctl_core.embedded.apiserver.updating import commit

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.history import Event
    from mlctl_core.embedded.apiserver.records import Record
    from mlctl_core.embedded.apiserver.store import Collection
    from mlctl_core.objects.json import Json

_OPTIONS = WriteOptions(field_manager="kube-apiserver")
_BACKGROUND = DeleteOptions(propagation="Background")


class DefinitionController:
    """Keeps the registry in step with the definitions that are stored."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        resource = cluster.registry.by_kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
        assert resource is not None, "definitions are built in"
        self._resource = resource
        self._worker = Worker("definitions", cluster.clock, self._clean_up)
        self._served: dict[str, tuple[bytes, bool]] = {}
        """What of each definition the registry shows: its spec, and whether it is deleted."""
        self._terminating: dict[str, str] = {}
        """Collection to definition, for those that wait for their objects to go."""

    def start(self) -> None:
        """Follow the definitions."""
        self._cluster.store.listen(self._changed)
        self._worker.start()

    async def stop(self) -> None:
        """Stop following."""
        await self._worker.stop()

    def _changed(self, collection: Collection, event: Event) -> None:
        if collection.name == DEFINITIONS:
            if event.type == "DELETED":
                self._forget(event.record)
            else:
                self._serve(event.record.key.name)
        elif event.type == "DELETED" and collection.name in self._terminating:
            self._worker.add(self._terminating[collection.name])

    def _definitions(self) -> Collection:
        return self._cluster.store.collection(DEFINITIONS)

    def _serve(self, name: str) -> None:
        record = self._definitions().get("", name)
        if record is None:
            return
        definition = record.to_json()
        taken = self._taken_names(definition)
        if taken:
            said = ("KindConflict", f'"{taken}" is already in use')
            self._say(record, definition, accepted=said, established=False)
            return
        group, plural = definition["spec"]["group"], definition["spec"]["names"]["plural"]
        spec = encode(definition["spec"])
        before = self._served.get(name)
        if before != (spec, record.deleting):
            self._served[name] = (spec, record.deleting)
            self._cluster.registry.remove(group, plural)
            for resource in resources_of(definition, refuses_create=record.deleting):
                self._cluster.registry.add(resource)
        if before is not None and before[0] != spec:
            self._read_anew(definition)
        if record.deleting:
            self._terminating[f"{group}/{plural}"] = name
            self._worker.add(name)
        self._say(record, definition, accepted=None, established=True)

    def _read_anew(self, definition: Json) -> None:
        """Have stored objects follow a changed schema, as upstream does when it reads them.

        New defaults show and what is known no more goes, at the version each object has;
        watches end, as their clients' view may have changed without an event.
        """
        spec = definition["spec"]
        storage = next(one["name"] for one in spec["versions"] if one.get("storage"))
        api_version = f"{spec['group']}/{storage}"
        resource = next(
            one for one in stored_resources(definition) if one.api_version == api_version
        )
        strategy = self._cluster.strategy(resource)
        collection = self._cluster.collection(resource)
        selectable = self._cluster.selectable(resource)
        for record in collection.records():
            obj = record.to_json()
            obj["apiVersion"] = api_version
            strategy.decode(obj)
            strategy.default(obj)
            collection.objects[record.key] = make_record(obj, record.revision, selectable)
        self._cluster.store.end_history(collection.name)

    def _taken_names(self, definition: Json) -> str:
        """Give a name of the definition that an accepted one of its group has, or ""."""
        spec, own = definition["spec"], definition["metadata"]["name"]
        taken: set[str] = set()
        kinds: set[str] = set()
        for other in self._definitions().records():
            if other.key.name == own:
                continue
            found = other.to_json()
            if found["spec"]["group"] != spec["group"]:
                continue
            accepted = (found.get("status") or {}).get("acceptedNames") or {}
            taken.update(_names(accepted))
            kinds.update(accepted[field] for field in ("kind", "listKind") if accepted.get(field))
        for name in _names(spec["names"]):
            if name in taken:
                return name
        for field in ("kind", "listKind"):
            if spec["names"][field] in kinds:
                return str(spec["names"][field])
        return ""

    def _say(
        self,
        record: Record,
        definition: Json,
        *,
        accepted: tuple[str, str] | None,
        established: bool,
    ) -> None:
        """Write the conditions, if they are not so already."""
        status = definition.setdefault("status", {})
        conditions = {one["type"]: one for one in status.get("conditions") or []}
        if accepted is None:
            status["acceptedNames"] = definition["spec"]["names"]
            self._set(conditions, "NamesAccepted", "True", "NoConflicts", "no conflicts found")
            was = conditions.get("Established", {}).get("status")
            if established and was != "True":
                text = "the initial names have been accepted"
                self._set(conditions, "Established", "True", "InitialNamesAccepted", text)
        else:
            status.setdefault("acceptedNames", {"plural": "", "kind": ""})
            self._set(conditions, "NamesAccepted", "False", *accepted)
            if conditions.get("Established", {}).get("status") != "True":
                text = "not all names are accepted"
                self._set(conditions, "Established", "False", "NotAccepted", text)
        if record.deleting:
            text = "CustomResource deletion is in progress"
            self._set(conditions, "Terminating", "True", "InstanceDeletionInProgress", text)
        status["conditions"] = list(conditions.values())
        commit(self._cluster, self._resource, record, definition, _OPTIONS, subresource="status")

    def _set(
        self, conditions: dict[str, Json], type_: str, status: str, reason: str, message: str
    ) -> None:
        old = conditions.get(type_, {})
        same = old.get("status") == status
        conditions[type_] = {
            "type": type_,
            "status": status,
            "lastTransitionTime": old["lastTransitionTime"] if same else self._cluster.now(),
            "reason": reason,
            "message": message,
        }

    def _clean_up(self, name: str) -> None:
        """Delete the objects of a definition that goes; let it go after the last."""
        record = self._definitions().get("", name)
        if record is None or not record.deleting:
            return
        definition = record.to_json()
        for resource in resources_of(definition):
            objects = self._cluster.collection(resource)
            for found in objects.records():
                if not found.deleting:
                    delete_record(self._cluster, resource, found, _BACKGROUND)
            if objects.objects:
                return
        metadata = definition["metadata"]
        metadata["finalizers"] = [one for one in metadata["finalizers"] if one != CLEANUP]
        commit(self._cluster, self._resource, record, definition, _OPTIONS)

    def _forget(self, record: Record) -> None:
        spec = record.to_json()["spec"]
        group, plural = spec["group"], spec["names"]["plural"]
        self._terminating.pop(f"{group}/{plural}", None)
        if self._served.pop(record.key.name, None) is not None:
            self._cluster.registry.remove(group, plural)
            self._cluster.store.end_history(f"{group}/{plural}")
        for other in self._definitions().records():
            self._serve(other.key.name)


def _names(names: Json) -> list[str]:
    """List what may be typed for a resource: no two of a group may share one."""
    single = [names[field] for field in ("plural", "singular") if names.get(field)]
    return [*single, *(names.get("shortNames") or ())]
