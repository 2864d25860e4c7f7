"""The rows of services, endpoints, ingresses and network policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver.table_cluster import age_of, name_of
from mlctl_core.embedded.apiserver.table_workloads import format_labels, format_selector

if TYPE_CHECKING:
    from datetime import datetime

    from mlctl_core.objects.json import Json

_NONE: Final = "<none>"
_UNSET: Final = "<unset>"
_SHOWN: Final = 3
"""Addresses that are listed before the rest is only counted."""


def service_row(obj: Json, now: datetime) -> list[Any]:
    """Type, addresses, ports."""
    spec = obj.get("spec") or {}
    cluster_ips = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return [
        name_of(obj),
        spec.get("type", ""),
        cluster_ips[0] or _NONE,
        _external_ip(obj, spec),
        ",".join(_port(port) for port in spec.get("ports") or ()) or _NONE,
        age_of(obj, now),
        format_labels(spec.get("selector")),
    ]


def _port(port: Json) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node_port}/{port.get('protocol', 'TCP')}"


def _external_ip(obj: Json, spec: Json) -> str:
    given = list(spec.get("externalIPs") or ())
    match spec.get("type"):
        case "ExternalName":
            return str(spec.get("externalName", ""))
        case "LoadBalancer":
            balancer = (obj.get("status") or {}).get("loadBalancer") or {}
            found = [i.get("ip") or i.get("hostname", "") for i in balancer.get("ingress") or ()]
            return ",".join([*found, *given]) or "<pending>"
        case _:
            return ",".join(given) or _NONE


def endpoints_row(obj: Json, now: datetime) -> list[Any]:
    """Addresses with their ports, the first few of them."""
    found = [
        f"{address.get('ip', '')}:{port['port']}" if port else address.get("ip", "")
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or [None]
        for address in subset.get("addresses") or ()
    ]
    return [name_of(obj), _first(found) or _NONE, age_of(obj, now)]


def endpoint_slice_row(obj: Json, now: datetime) -> list[Any]:
    """Address type, ports, addresses."""
    ports = [str(port.get("port") or port.get("name") or "*") for port in obj.get("ports") or ()]
    found = [a for endpoint in obj.get("endpoints") or () for a in endpoint.get("addresses") or ()]
    return [
        name_of(obj),
        obj.get("addressType", ""),
        _first(ports) or _UNSET,
        _first(found) or _UNSET,
        age_of(obj, now),
    ]


def _first(items: list[str]) -> str:
    text = ",".join(items[:_SHOWN])
    more = len(items) - _SHOWN
    return f"{text} + {more} more..." if more > 0 else text


def network_policy_row(obj: Json, now: datetime) -> list[Any]:
    """The pods it is about."""
    return [
        name_of(obj),
        format_selector((obj.get("spec") or {}).get("podSelector")),
        age_of(obj, now),
    ]


def ingress_row(obj: Json, now: datetime) -> list[Any]:
    """Class, hosts, addresses, ports."""
    spec = obj.get("spec") or {}
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    balancer = (obj.get("status") or {}).get("loadBalancer") or {}
    return [
        name_of(obj),
        spec.get("ingressClassName") or _NONE,
        _first(hosts) or "*",
        ",".join(i.get("ip") or i.get("hostname", "") for i in balancer.get("ingress") or ()),
        "80, 443" if spec.get("tls") else "80",
        age_of(obj, now),
    ]


def ingress_class_row(obj: Json, now: datetime) -> list[Any]:
    """Controller and parameters."""
    spec = obj.get("spec") or {}
    given = spec.get("parameters")
    parameters = _NONE
    if given:
        group = f".{given['apiGroup']}" if given.get("apiGroup") else ""
        parameters = f"{given.get('kind', '')}{group}/{given.get('name', '')}"
    return [name_of(obj), spec.get("controller", ""), parameters, age_of(obj, now)]
