"""What the server itself writes into a new object of a built-in kind.

As the kinds' strategies, the allocator of service addresses and the admission plug-in
StorageObjectInUseProtection of kube-apiserver do it. It comes after ownership is recorded: what
is set here has no manager.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

NAMESPACES: Final = "/namespaces"
"""The collection of namespaces."""

SERVICES: Final = "/services"
"""The collection of services."""

_SERVICE_RANGE: Final = ipaddress.IPv4Network("10.0.0.0/16")
"""Addresses of services, of which nothing listens; the first is the API server's own."""

_CLAIM_PROTECTION: Final = "kubernetes.io/pvc-protection"
_JOB_LABELS: Final = ("batch.kubernetes.io/", "")
"""Prefixes of a job's labels: today's, and the one that old clients select by."""


def prepare_create(cluster: Cluster, resource: Resource, obj: Json) -> None:
    """Complete a new object in place; its metadata is filled in already."""
    prepare = _PREPARE.get(resource.collection)
    if prepare is not None:
        prepare(cluster, obj)


def _namespace(cluster: Cluster, obj: Json) -> None:
    del cluster
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    obj["status"] = {"phase": "Active"}


def _claim(cluster: Cluster, obj: Json) -> None:
    del cluster
    finalizers = obj["metadata"].setdefault("finalizers", [])
    if _CLAIM_PROTECTION not in finalizers:
        finalizers.append(_CLAIM_PROTECTION)


def _job(cluster: Cluster, obj: Json) -> None:
    """Let a job select its own pods, by its uid, unless its author does so."""
    del cluster
    spec, metadata = obj["spec"], obj["metadata"]
    if spec.get("manualSelector"):
        return
    template = spec.setdefault("template", {}).setdefault("metadata", {})
    labels = template.setdefault("labels", {})
    for prefix in _JOB_LABELS:
        labels.setdefault(f"{prefix}job-name", metadata["name"])
        labels[f"{prefix}controller-uid"] = metadata["uid"]
    selector = spec.setdefault("selector", {}).setdefault("matchLabels", {})
    selector[f"{_JOB_LABELS[0]}controller-uid"] = metadata["uid"]
    if not metadata.get("labels"):
        metadata["labels"] = dict(labels)


def _service(cluster: Cluster, obj: Json) -> None:
    """Give a service its address."""
    spec = obj["spec"]
    if spec.get("type") == "ExternalName":
        return
    if not spec.get("clusterIP"):
        spec["clusterIP"] = (spec.get("clusterIPs") or [_free_address(cluster)])[0]
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    # A headless service without pods of its own may lead anywhere.
    anywhere = spec["clusterIP"] == "None" and not spec.get("selector")
    spec.setdefault("ipFamilies", ["IPv4", "IPv6"] if anywhere else ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "RequireDualStack" if anywhere else "SingleStack")


def keep_addresses(obj: Json, old: Json) -> None:
    """Let a changed service keep, in place, what it was given and does not mention."""
    spec, before = obj.setdefault("spec", {}), old.get("spec") or {}
    if "ExternalName" in {spec.get("type"), before.get("type")}:
        return
    for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if not spec.get(field) and before.get(field):
            spec[field] = before[field]


def _free_address(cluster: Cluster) -> str:
    services = cluster.store.collection(SERVICES).records()
    taken = {(one.to_json().get("spec") or {}).get("clusterIP") for one in services}
    while True:
        offset = cluster.random.randint(2, _SERVICE_RANGE.num_addresses - 2)
        address = str(_SERVICE_RANGE[offset])
        if address not in taken:
            return address


_PREPARE: Final[dict[str, Callable[[Cluster, Json], None]]] = {
    NAMESPACES: _namespace,
    "/persistentvolumeclaims": _claim,
    SERVICES: _service,
    "batch/jobs": _job,
}
