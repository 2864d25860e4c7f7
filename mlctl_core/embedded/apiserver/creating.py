"""POST: a new object.

Promise: either the object is stored whole, with everything the server adds, or nothing is
stored and the error says why; no await lies between the look and the write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.admission import admit_create
from mlctl_core.embedded.apiserver.conversion import to_stored
from mlctl_core.embedded.apiserver.errors import already_exists, forbidden
from mlctl_core.embedded.apiserver.metadata import (
    check_namespace,
    fill_on_create,
    identify,
    refuse,
    require_metadata,
    wipe,
)
from mlctl_core.embedded.apiserver.ownership import track
from mlctl_core.embedded.apiserver.preparing import prepare_create
from mlctl_core.embedded.apiserver.quota import check_quota
from mlctl_core.embedded.apiserver.records import Record, preview

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.options import WriteOptions
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json


_STATUS_ON_CREATE = ("/nodes",)
"""Kinds whose status is taken from the first request; a kubelet registers itself with it."""


def create(
    cluster: Cluster,
    resource: Resource,
    obj: Json,
    namespace: str,
    options: WriteOptions,
    *,
    tracked: bool = True,
    replaces: bool = False,
) -> Record:
    """Create an object; `obj` is taken over. A dry run gives the record it would store.

    `replaces` says that a PUT makes it, whose manager owns even what of metadata is not taken.
    `tracked` is false where the caller has set managedFields itself (server-side apply).

    Raises:
        StatusError: 400, 403, 404 (the namespace), 409, 422.
    """
    identify(resource, obj)
    metadata = require_metadata(obj)
    check_namespace(resource, metadata, namespace)
    if not replaces:
        wipe(metadata)
    if "status" in resource.subresources and resource.collection not in _STATUS_ON_CREATE:
        obj.pop("status", None)
    strategy = cluster.strategy(resource)
    strategy.default(obj)
    if tracked:
        # What admission and the kind's own rules add after this belongs to nobody.
        obj = track(cluster, resource, obj, None, manager=options.field_manager)
    wipe(obj["metadata"])
    if resource.refuses_create:
        why = "create not allowed while custom resource definition is terminating"
        raise forbidden(resource.group, resource.plural, obj["metadata"].get("name", ""), why)
    admit_create(cluster, resource, obj)
    fill_on_create(cluster, resource, obj)
    prepare_create(cluster, resource, obj)
    refuse(resource, obj, strategy.validate_create(obj))
    options.warnings.extend(strategy.warnings(obj, None))
    check_quota(cluster, resource, obj)
    metadata = obj["metadata"]
    collection = cluster.collection(resource)
    present = collection.get(metadata.get("namespace", ""), metadata["name"])
    if present is not None:
        raise already_exists(
            resource.group,
            resource.plural,
            metadata["name"],
            generated=bool(metadata.get("generateName")),
            ending=present.deleting,
        )
    stored = to_stored(obj, resource)
    if options.dry_run:
        return preview(stored, cluster.selectable(resource))
    return cluster.store.put(collection, stored, cluster.selectable(resource))
