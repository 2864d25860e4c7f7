"""What kube-apiserver's default admission does that clients rely on.

Namespaces must exist and not be ending; pods get their service account, tolerations and
priority. Webhooks and policies are not called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.errors import Cause, forbidden, not_found
from mlctl_core.embedded.apiserver.pod_admission import admit_pod, admit_pod_update
from mlctl_core.embedded.apiserver.preparing import NAMESPACES, SERVICES, keep_addresses

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

PODS = "/pods"

PERMANENT_NAMESPACES = ("default", "kube-system", "kube-public")
"""These cannot be deleted."""


def admit_update(resource: Resource, obj: Json, old: Json, subresource: str) -> None:
    """Change a changed object as admission and the strategies of its kind do."""
    if resource.collection == NAMESPACES and not subresource:
        # Finalizers in spec have a door of their own.
        obj["spec"] = old.get("spec") or {}
    elif resource.collection == PODS:
        admit_pod_update(obj, old, subresource)
    elif resource.collection == SERVICES and not subresource:
        keep_addresses(obj, old)


def admit_create(cluster: Cluster, resource: Resource, obj: Json) -> None:
    """Let a new object in, changed as admission changes it.

    Raises:
        StatusError: 404, its namespace does not exist; 403, it may not be created now.
    """
    _require_namespace(cluster, resource, obj["metadata"])
    if resource.collection == PODS:
        admit_pod(cluster, obj)


def admit_delete(resource: Resource, name: str) -> None:
    """Let an object be deleted.

    Raises:
        StatusError: 403, it may never be.
    """
    if resource.collection == NAMESPACES and name in PERMANENT_NAMESPACES:
        raise forbidden("", "namespaces", name, "this namespace may not be deleted")


def _require_namespace(cluster: Cluster, resource: Resource, metadata: Json) -> None:
    if not resource.namespaced:
        return
    name = metadata["namespace"]
    namespace = cluster.store.collection(NAMESPACES).get("", name)
    if namespace is None:
        raise not_found("", "namespaces", name)
    if namespace.deleting:
        why = f"unable to create new content in namespace {name} because it is being terminated"
        terminating = f"namespace {name} is being terminated"
        cause = Cause("NamespaceTerminating", terminating, "metadata.namespace")
        raise forbidden(
            resource.group, resource.plural, metadata.get("name", ""), why, causes=[cause]
        )
