"""Keeps metadata.managedFields: who set which field, by which operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.managed_fields import track_update

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json


def track(
    cluster: Cluster,
    resource: Resource,
    new: Json,
    old: Json | None,
    *,
    manager: str,
    subresource: str = "",
) -> Json:
    """Give the new object with managedFields that say what the manager changed."""
    strategy = cluster.strategy(resource)
    return track_update(
        old,
        new,
        strategy.schema,
        manager=manager,
        api_version=resource.api_version,
        now=cluster.now(),
        subresource=subresource,
        reset=strategy.reset_fields(subresource),
    )
