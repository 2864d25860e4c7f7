"""PUT and what every other change of an existing object ends in.

Promise: optimistic concurrency by resourceVersion and UID; an update that changes nothing
keeps the resourceVersion and wakes no watcher; an object that is being deleted goes when its
last finalizer does; status and the rest are changed through their own doors only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver import field_errors
from mlctl_core.embedded.apiserver.admission import admit_update
from mlctl_core.embedded.apiserver.conversion import from_stored, to_stored
from mlctl_core.embedded.apiserver.creating import create
from mlctl_core.embedded.apiserver.definitions import DEFINITIONS
from mlctl_core.embedded.apiserver.errors import (
    bad_request,
    conflict,
    internal,
    invalid,
    modified,
)
from mlctl_core.embedded.apiserver.metadata import (
    bump_generation,
    check_namespace,
    identify,
    keep_on_update,
    refuse,
    require_metadata,
)
from mlctl_core.embedded.apiserver.ownership import track
from mlctl_core.embedded.apiserver.records import Record, preview

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.options import WriteOptions
    from mlctl_core.embedded.apiserver.records import RecordKey
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json


def replace(
    cluster: Cluster,
    resource: Resource,
    obj: Json,
    key: RecordKey,
    options: WriteOptions,
    *,
    subresource: str = "",
) -> tuple[Record, bool]:
    """Put a whole object in the place of what there is; `obj` is taken over.

    Gives the stored object and whether it is a new one: some kinds are created that way.

    Raises:
        StatusError: 400, 403, 404, 409, 422.
    """
    namespace, name = key
    same_version = obj.get("apiVersion") == resource.api_version
    of_version = resource.custom and obj.get("kind") and same_version
    if not of_version:
        identify(resource, obj)
    check_namespace(resource, require_metadata(obj), namespace)
    require_name(obj, name)
    creates = resource.collection in _CREATED_BY_UPDATE and not subresource
    if creates and cluster.collection(resource).get(namespace, name) is None:
        check_uid(resource, key, "", obj, options)
        obj["metadata"].pop("resourceVersion", None)
        return create(cluster, resource, obj, namespace, options, replaces=True), True
    record = cluster.get(resource, namespace, name)
    check_uid(resource, key, record.uid, obj, options)
    version = obj["metadata"].get("resourceVersion")
    if version in {None, "", "0"} and _needs_version(resource):
        detail = "must be specified for an update"
        error = field_errors.invalid("metadata.resourceVersion", 0, detail)
        raise invalid(resource.group, resource.plural, name, [error])
    check_version(resource, record, obj)
    if of_version:
        identify(resource, obj)  # That it is of another kind is found last.
    committed = commit(cluster, resource, record, obj, options, subresource=subresource)
    return committed, False


def _needs_version(resource: Resource) -> bool:
    """Whether a whole object may only be put in the place of the one that was read."""
    return resource.custom or resource.collection in _CONDITIONAL


_CONDITIONAL = (DEFINITIONS, "coordination.k8s.io/leases")
"""Built-in kinds that upstream does not update unconditionally."""


_CREATED_BY_UPDATE = (
    "/endpoints",
    "/events",
    "/limitranges",
    "/services",
    "coordination.k8s.io/leases",
    "rbac.authorization.k8s.io/clusterrolebindings",
    "rbac.authorization.k8s.io/clusterroles",
    "rbac.authorization.k8s.io/rolebindings",
    "rbac.authorization.k8s.io/roles",
)
"""Built-in kinds whose PUT creates what is not there."""


def require_name(obj: Json, name: str) -> None:
    """Make sure that an object has the name that the URL says.

    Raises:
        StatusError: 400.
    """
    given = require_metadata(obj).get("name")
    if not given:
        raise bad_request(
            f"the name of the object ({name} based on URL) was undeterminable: "
            "name must be provided"
        )
    if given != name:
        raise bad_request(
            f"the name of the object ({given}) does not match the name on the URL ({name})"
        )


def commit(
    cluster: Cluster,
    resource: Resource,
    record: Record,
    new: Json,
    options: WriteOptions,
    *,
    subresource: str = "",
    tracked: bool = True,
) -> Record:
    """Store the next version of an object, or find that nothing changed.

    `new` is in the resource's version and is taken over. `tracked` is false where the caller
    has set managedFields itself.

    Raises:
        StatusError: 403, 409, 422.
    """
    check_version(resource, record, new)
    old = from_stored(record, resource)
    new = _through_door(resource, new, old, subresource)
    strategy = cluster.strategy(resource)
    strategy.default(new)
    if tracked:
        manager = options.field_manager
        new = track(cluster, resource, new, old, manager=manager, subresource=subresource)
    errors = keep_on_update(new, old)
    admit_update(resource, new, old, subresource)
    bump_generation(resource, new, old)
    refuse(resource, new, errors + strategy.validate_update(new, old, subresource))
    options.warnings.extend(strategy.warnings(new, old))
    _keep_times(new, old)
    if new == old:
        return record
    stored = to_stored(new, resource)
    if options.dry_run:
        return preview(stored, cluster.selectable(resource))
    collection = cluster.collection(resource)
    if goes(new):
        # The answer is the object as it was to be stored, which it was not: with its old version.
        answer = preview(stored, cluster.selectable(resource))
        cluster.store.remove(collection, record.to_json(), cluster.selectable(resource))
        return answer
    return cluster.store.put(collection, stored, cluster.selectable(resource))


def _keep_times(new: Json, old: Json) -> None:
    """Give the entries of managedFields their old times when those are all that would change."""
    entries, before = (one["metadata"].get("managedFields") for one in (new, old))
    if entries == before or not entries or not before or len(entries) != len(before):
        return
    if all(
        any({**one, "time": ""} == {**other, "time": ""} for other in before) for one in entries
    ):
        new["metadata"]["managedFields"] = before


def goes(obj: Json) -> bool:
    """Whether nothing holds an object back that is being deleted."""
    metadata = obj["metadata"]
    return bool(
        metadata.get("deletionTimestamp")
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
        and not (obj.get("kind") == "Namespace" and (obj.get("spec") or {}).get("finalizers"))
    )


_STORED_AS = {
    "/endpoints": "services/endpoints",
    "/nodes": "minions",
    "/services": "services/specs",
}
"""Collections whose place in etcd has another name."""


def _storage_key(resource: Resource, key: RecordKey, *, dry_run: bool) -> str:
    """Give the key in etcd, as messages show it; a dry run's lacks the prefix."""
    kind = f"{resource.group}/{resource.plural}" if resource.custom else resource.plural
    parts = (_STORED_AS.get(resource.collection, kind), *key)
    return ("/" if dry_run else "/registry/") + "/".join(part for part in parts if part)


def check_uid(
    resource: Resource, key: RecordKey, present: str, new: Json, options: WriteOptions
) -> None:
    """Compare the UID a whole object was sent with to the one there is, if any.

    Raises:
        StatusError: 409, the name belongs to another object now.
    """
    uid = new["metadata"].get("uid")
    if uid and uid != present:
        where = _storage_key(resource, key, dry_run=options.dry_run)
        why = (
            f"StorageError: invalid object, Code: 4, Key: {where}, ResourceVersion: 0, "
            f"AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, "
            f"UID in object meta: {present}"
        )
        raise conflict(resource.group, resource.plural, key.name, why)


def check_version(resource: Resource, record: Record, new: Json) -> None:
    """Compare the resourceVersion a change was made against to the one there is.

    Raises:
        StatusError: 409, the object has changed since; 500, not a resourceVersion.
    """
    version = new["metadata"].get("resourceVersion")
    if not version or version == "0":
        return
    if not (isinstance(version, str) and version.isascii() and version.isdigit()):
        raise internal(f'strconv.ParseUint: parsing "{version}": invalid syntax')
    if int(version) != record.revision:
        raise modified(resource.group, resource.plural, record.key.name)


_WHOLE = ("binding",)
"""Endpoints that have made their change themselves, on the present object."""


def _through_door(resource: Resource, new: Json, old: Json, subresource: str) -> Json:
    """Let only that change which the endpoint is there for."""
    if not subresource:
        if "status" in resource.subresources:
            _carry(new, old, "status")
        return new
    if subresource in _WHOLE:
        return new
    kept = {**old, "metadata": dict(old["metadata"])}
    if subresource == "finalize":
        _carry(kept, new, "spec")
    if subresource == "status":
        _carry(kept, new, "status")
        if kept.get("status") is None:
            kept.pop("status", None)
        kept["metadata"] = _through_status(resource, new["metadata"], old["metadata"])
    return kept


_KEPT_BY_STATUS = {"/pods": ("ownerReferences",), "apps/deployments": ("labels",)}
"""Of metadata, what a status request of a built-in kind leaves as it is."""


def _through_status(resource: Resource, new: Json, old: Json) -> Json:
    """Give the metadata after a status request: of a custom resource, what it was."""
    if resource.custom or resource.collection == DEFINITIONS:
        kept = dict(old)
        if "managedFields" in new:
            kept["managedFields"] = new["managedFields"]
        return kept
    changed = dict(new)
    for field in _KEPT_BY_STATUS.get(resource.collection, ()):
        _carry(changed, old, field)
    return changed


def _carry(target: Json, source: Json, field: str) -> None:
    if field in source:
        target[field] = source[field]
    else:
        target.pop(field, None)
