"""What a server holds before anybody writes to it: namespaces and priority classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.creating import create
from mlctl_core.embedded.apiserver.options import WriteOptions

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.objects.json import Json

INITIAL_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_OPTIONS = WriteOptions(field_manager="kube-apiserver")

_PRIORITY_CLASSES: tuple[Json, ...] = (
    {
        "metadata": {"name": "system-cluster-critical"},
        "value": 2_000_000_000,
        "description": "For pods that must run in the cluster, on whichever node.",
    },
    {
        "metadata": {"name": "system-node-critical"},
        "value": 2_000_001_000,
        "description": "For pods that must run on the very node they are on.",
    },
)


def create_initial_objects(cluster: Cluster) -> None:
    """Create the namespaces and priority classes that every cluster has."""
    namespaces = cluster.registry.by_kind("v1", "Namespace")
    assert namespaces is not None, "namespaces are built in"
    for name in INITIAL_NAMESPACES:
        create(cluster, namespaces, {"metadata": {"name": name}}, "", _OPTIONS)
    resource = cluster.registry.by_kind("scheduling.k8s.io/v1", "PriorityClass")
    assert resource is not None, "priority classes are built in"
    for one in _PRIORITY_CLASSES:
        obj = {**one, "metadata": dict(one["metadata"])}
        create(cluster, resource, obj, "", _OPTIONS)
