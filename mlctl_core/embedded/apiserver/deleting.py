"""DELETE of one object and of a collection.

Promise: preconditions hold at the moment of deletion; an object with finalizers or a grace
period is marked and stays until they are over; the propagation policy becomes the finalizer
that the garbage collector acts on, as upstream does it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.admission import admit_delete
from mlctl_core.embedded.apiserver.definitions import CLEANUP, DEFINITIONS
from mlctl_core.embedded.apiserver.errors import StatusError, conflict
from mlctl_core.embedded.apiserver.records import Record, encode, preview
from mlctl_core.embedded.apiserver.updating import goes
from mlctl_core.objects.times import format_time

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.options import DeleteOptions
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
DEFAULT_POD_GRACE_SECONDS = 30
_FINISHED = ("Succeeded", "Failed")

ORPHANS_BY_DEFAULT = {("batch", "jobs"), ("", "replicationcontrollers")}
"""Kinds whose dependents stay when a delete says nothing: so it was before there was a choice."""

RETURNS_OBJECT = {
    ("", "pods"),
    ("", "persistentvolumeclaims"),
    ("", "persistentvolumes"),
    ("", "podtemplates"),
    ("", "resourcequotas"),
    ("", "serviceaccounts"),
    ("", "services"),
}
"""Kinds whose delete answers with the deleted object rather than with a Status."""


def delete(
    cluster: Cluster, resource: Resource, namespace: str, name: str, options: DeleteOptions
) -> tuple[Record, bool]:
    """Delete an object or mark it; gives its last version and whether it is gone.

    Raises:
        StatusError: 403, 404, 409.
    """
    record = cluster.get(resource, namespace, name)
    check_preconditions(resource, record, options)
    admit_delete(resource, name)
    return delete_record(cluster, resource, record, options)


def delete_record(
    cluster: Cluster, resource: Resource, record: Record, options: DeleteOptions
) -> tuple[Record, bool]:
    """Delete an object as it is now, whatever version it has."""
    obj = record.to_json()
    metadata = obj["metadata"]
    before = record.raw
    _set_finalizers(resource, metadata, options)
    grace = _grace(resource, obj, options)
    already = metadata.get("deletionTimestamp")
    if grace is not None or metadata.get("finalizers") or resource.kind == "Namespace":
        _mark(cluster, metadata, grace or 0)
    if resource.kind == "Namespace" and not already:
        obj.setdefault("status", {})["phase"] = "Terminating"
    done = not metadata.get("deletionTimestamp") or goes(obj)
    if options.dry_run:
        answer = record.to_json() if done and already else obj
        return preview(answer, cluster.selectable(resource)), done
    collection = cluster.collection(resource)
    if done:
        if grace is not None and not already:
            # Upstream marks a pod and then removes it, even when it gets no time.
            record = cluster.store.put(collection, obj, cluster.selectable(resource))
        # What goes is what was stored, with the finalizers that it had.
        return cluster.store.remove(
            collection, record.to_json(), cluster.selectable(resource)
        ), True
    if encode(obj) == before:
        return record, False
    return cluster.store.put(collection, obj, cluster.selectable(resource)), False


def _mark(cluster: Cluster, metadata: Json, grace: int) -> None:
    """Set the time by which the object is to be gone; a mark only ever moves nearer."""
    if metadata.get("deletionTimestamp"):
        if grace >= (metadata.get("deletionGracePeriodSeconds") or 0):
            return
    elif metadata.get("generation"):
        metadata["generation"] += 1
    metadata["deletionTimestamp"] = format_time(cluster.clock.now() + timedelta(seconds=grace))
    metadata["deletionGracePeriodSeconds"] = grace


def _grace(resource: Resource, obj: Json, options: DeleteOptions) -> int | None:
    """Work out how long a pod gets to end, in seconds; None for kinds that know no grace."""
    if resource.collection != "/pods":
        return None
    spec, phase = obj.get("spec") or {}, (obj.get("status") or {}).get("phase")
    grace = options.grace_period_seconds
    if grace is None:
        grace = spec.get("terminationGracePeriodSeconds", DEFAULT_POD_GRACE_SECONDS)
    if grace < 0:
        grace = 1
    if not spec.get("nodeName") or phase in _FINISHED:
        return 0
    return int(grace)


def _set_finalizers(resource: Resource, metadata: Json, options: DeleteOptions) -> None:
    policy = options.propagation
    finalizers = list(metadata.get("finalizers") or [])
    if not policy:
        if ORPHAN in finalizers or FOREGROUND in finalizers:
            return
        orphans = (resource.group, resource.plural) in ORPHANS_BY_DEFAULT
        policy = "Orphan" if orphans else "Background"
    wanted = {"Orphan": ORPHAN, "Foreground": FOREGROUND}.get(policy)
    kept = [name for name in finalizers if name not in {ORPHAN, FOREGROUND} or name == wanted]
    if wanted and wanted not in kept:
        kept.append(wanted)
    holds = resource.collection == DEFINITIONS and not metadata.get("deletionTimestamp")
    if holds and CLEANUP not in kept:
        kept.append(CLEANUP)
    if kept:
        metadata["finalizers"] = kept
    else:
        metadata.pop("finalizers", None)


def check_preconditions(resource: Resource, record: Record, options: DeleteOptions) -> None:
    """Make sure that the object is the one that the client wants deleted.

    Raises:
        StatusError: 409.
    """

    def refuse(what: str, asked: str, actual: str, maybe: str) -> StatusError:
        why = (
            f"the {what} in the precondition ({asked}) does not match the {what} in record "
            f"({actual}). The object might have been {maybe}"
        )
        return conflict(resource.group, resource.kind, record.key.name, why)

    if options.uid is not None and options.uid != record.uid:
        raise refuse("UID", options.uid, record.uid, "deleted and then recreated")
    version = options.resource_version
    if version is not None and version != str(record.revision):
        raise refuse("ResourceVersion", version, str(record.revision), "modified")
