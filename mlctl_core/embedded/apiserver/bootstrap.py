"""What a server holds before anybody writes to it, besides its namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.creating import create
from mlctl_core.embedded.apiserver.options import WriteOptions

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.objects.json import Json

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
    """Create the priority classes every cluster has."""
    resource = cluster.registry.by_kind("scheduling.k8s.io/v1", "PriorityClass")
    assert resource is not None, "priority classes are built in"
    for one in _PRIORITY_CLASSES:
        obj = {**one, "metadata": dict(one["metadata"])}
        create(cluster, resource, obj, "", _OPTIONS)
