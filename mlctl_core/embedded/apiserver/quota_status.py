"""Says in the status of quotas what their namespace uses."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.controllers import Worker
from mlctl_core.embedded.apiserver.conversion import from_stored
from mlctl_core.embedded.apiserver.options import WriteOptions
from mlctl_core.embedded.apiserver.quota import PODS, QUOTAS, hard_limits, usage
from mlctl_core.embedded.apiserver.updating import commit
from mlctl_core.objects.quantities import format_quantity

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.history import Event
    from mlctl_core.embedded.apiserver.store import Collection

_OPTIONS = WriteOptions(field_manager="kube-controller-manager")


class QuotaController:
    """Keeps the status of quotas in step with what is used."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._worker = Worker("quotas", cluster.clock, self._look_at)

    def start(self) -> None:
        """Follow all objects of namespaces that have quotas."""
        self._cluster.store.listen(self._changed)
        self._worker.start()

    async def stop(self) -> None:
        """Stop following."""
        await self._worker.stop()

    def _changed(self, collection: Collection, event: Event) -> None:
        counts = event.type != "MODIFIED" or collection.name in {PODS, QUOTAS}
        namespace = event.record.key.namespace
        if counts and namespace and self._cluster.store.collection(QUOTAS).records(namespace):
            self._worker.add(namespace)

    def _look_at(self, namespace: str) -> None:
        resource = self._cluster.registry.by_kind("v1", "ResourceQuota")
        quotas = self._cluster.store.collection(QUOTAS).records(namespace)
        if resource is None or not quotas:
            return
        used = usage(self._cluster, namespace)
        for record in quotas:
            quota = from_stored(record, resource)
            names = hard_limits(quota)
            shown = {name: format_quantity(used.get(name, Decimal(0))) for name in names}
            hard = (quota.get("spec") or {}).get("hard") or {}
            quota["status"] = {"hard": hard, "used": shown}
            commit(self._cluster, resource, record, quota, _OPTIONS, subresource="status")
