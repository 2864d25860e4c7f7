"""ResourceQuota: what a namespace uses, and whether one more object fits.

Promise: the check happens in the same step as the create, so two creates cannot both take
what is left. Counted are objects (`count/…`), pods that have not ended, and their requests and
limits. Scopes and storage classes are not known: a quota with scopes counts nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from mlctl_core.embedded.apiserver.errors import forbidden, qualified
from mlctl_core.embedded.apiserver.records import decode
from mlctl_core.objects.pod_requests import effective_requests
from mlctl_core.objects.quantities import format_quantity, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

    Amounts = dict[str, Decimal]

QUOTAS = "/resourcequotas"
PODS = "/pods"
_ENDED = ("Succeeded", "Failed")
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
"""Requests that may be named without `requests.` before them."""

PODS_REMEMBERED = 8192
"""Pods whose usage is not worked out again for each create in a namespace with a quota."""

_MUST_BE_SPECIFIED = ("cpu", "memory")
_COUNTED_BY_NAME = ("configmaps", "secrets", "services", "persistentvolumeclaims", QUOTAS[1:])
_ONE = Decimal(1)


@attrs.frozen
class _Resources:
    """One of a container's two maps, where `effective_requests` looks for requests."""

    requests: Mapping[str, str]
    limits: Mapping[str, str]


@attrs.frozen
class _Container:
    resources: _Resources
    restart_policy: str


@attrs.frozen
class _Spec:
    containers: list[_Container]
    init_containers: list[_Container]
    overhead: Mapping[str, str]


def check_quota(cluster: Cluster, resource: Resource, obj: Json) -> None:
    """Let a new object in if every quota of its namespace has room for it.

    Raises:
        StatusError: 403, one has not, or the object does not say what it needs.
    """
    namespace = obj["metadata"].get("namespace", "")
    quotas = cluster.store.collection(QUOTAS).records(namespace) if namespace else []
    if not quotas:
        return
    added = _usage_of(resource, obj)
    used: Amounts | None = None
    for record in quotas:
        quota = record.to_json()
        hard = hard_limits(quota)
        wanted = {name: amount for name, amount in added.items() if name in hard and amount}
        if resource.collection == PODS:
            _require_amounts(resource, obj, quota, hard)
        if not wanted:
            continue
        used = used if used is not None else usage(cluster, namespace)
        over = {
            name: amount
            for name, amount in wanted.items()
            if used.get(name, Decimal(0)) + amount > hard[name]
        }
        if over:
            why = (
                f"exceeded quota: {record.key.name}, requested: {_show(wanted, over)}, "
                f"used: {_show(used, over)}, limited: {_show(hard, over)}"
            )
            raise forbidden(resource.group, resource.plural, obj["metadata"]["name"], why)


def _show(amounts: Amounts, names: Iterable[str]) -> str:
    return ",".join(
        f"{name}={format_quantity(amounts.get(name, Decimal(0)))}" for name in sorted(names)
    )


def hard_limits(quota: Json) -> Amounts:
    """Give the amounts a quota allows, by their names."""
    spec = quota.get("spec") or {}
    if spec.get("scopes") or spec.get("scopeSelector"):
        return {}
    return {name: parse_quantity(value) for name, value in (spec.get("hard") or {}).items()}


def _require_amounts(resource: Resource, pod: Json, quota: Json, hard: Amounts) -> None:
    """Refuse a pod whose containers do not say what the quota limits."""
    missing: dict[str, list[str]] = {}
    for name in hard:
        kind, _, what = name.rpartition(".")
        if what not in _MUST_BE_SPECIFIED or kind not in {"", "requests", "limits"}:
            continue
        for container in (pod.get("spec") or {}).get("containers") or []:
            if what not in _resources(container, kind or "requests"):
                missing.setdefault(name, []).append(container["name"])
    if missing:
        listed = "; ".join(f"{name} for: {','.join(missing[name])}" for name in sorted(missing))
        name = quota["metadata"]["name"]
        why = f"failed quota: {name}: must specify {listed}"
        raise forbidden(resource.group, resource.plural, pod["metadata"]["name"], why)


def usage(cluster: Cluster, namespace: str) -> Amounts:
    """Add up what a namespace uses."""
    total: Amounts = {}
    for collection in cluster.store.collections():
        records = collection.records(namespace)
        resource = cluster.registry.by_collection(collection.name) if records else None
        if resource is None or not resource.namespaced:
            continue
        for name in _count_names(resource):
            total[name] = Decimal(len(records))
        if collection.name == PODS:
            for record in records:
                _add(total, _stored_pod_usage(record.raw))
    return total


def _usage_of(resource: Resource, obj: Json) -> Amounts:
    """Give what one object uses."""
    usage = dict.fromkeys(_count_names(resource), _ONE)
    if resource.collection == PODS:
        _add(usage, _pod_usage(obj))
    return usage


def _count_names(resource: Resource) -> list[str]:
    names = [f"count/{qualified(resource.group, resource.plural)}"]
    if not resource.group and resource.plural in _COUNTED_BY_NAME:
        names.append(resource.plural)
    return names


@functools.lru_cache(maxsize=PODS_REMEMBERED)
def _stored_pod_usage(raw: bytes) -> Amounts:
    return _pod_usage(decode(raw))


def _pod_usage(pod: Json) -> Amounts:
    if (pod.get("status") or {}).get("phase") in _ENDED:
        return {}
    usage: Amounts = {"pods": _ONE}
    for kind in ("requests", "limits"):
        for name, amount in effective_requests(_spec(pod.get("spec") or {}, kind)).items():
            usage[f"{kind}.{name}"] = amount
            if kind == "requests" and name in _COMPUTE:
                usage[name] = amount
    return usage


def _spec(spec: Json, kind: str) -> _Spec:
    def containers(field: str) -> list[_Container]:
        return [
            _Container(_Resources(_resources(one, kind), {}), one.get("restartPolicy") or "")
            for one in spec.get(field) or []
        ]

    overhead = spec.get("overhead") or {}
    return _Spec(containers("containers"), containers("initContainers"), overhead)


def _resources(container: Json, kind: str) -> Mapping[str, Any]:
    amounts: Mapping[str, Any] = (container.get("resources") or {}).get(kind) or {}
    return amounts


def _add(total: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, Decimal(0)) + amount
