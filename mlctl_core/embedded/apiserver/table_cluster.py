"""The rows of nodes, namespaces, configuration, services, events, storage and access."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver.durations import UNKNOWN, since
from mlctl_core.embedded.apiserver.table_workloads import format_labels, format_selector

if TYPE_CHECKING:
    from datetime import datetime

    from mlctl_core.objects.json import Json

_NONE: Final = "<none>"
_UNSET: Final = "<unset>"
_ROLE_PREFIX: Final = "node-role.kubernetes.io/"
_ROLE_LABEL: Final = "kubernetes.io/role"
_MODES: Final = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_SHOWN_ENDPOINTS: Final = 3


def _name(obj: Json) -> str:
    return str(obj["metadata"]["name"])


def _age(obj: Json, now: datetime) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)


def node_row(obj: Json, now: datetime) -> list[Any]:
    """Readiness, roles, version, addresses."""
    status = obj.get("status") or {}
    info = status.get("nodeInfo") or {}
    ready = next((c for c in status.get("conditions") or () if c.get("type") == "Ready"), None)
    states = ["Unknown"]
    if ready:
        states = ["Ready" if ready.get("status") == "True" else "NotReady"]
    if (obj.get("spec") or {}).get("unschedulable"):
        states.append("SchedulingDisabled")
    labels = obj["metadata"].get("labels") or {}
    roles = {key.removeprefix(_ROLE_PREFIX) for key in labels if key.startswith(_ROLE_PREFIX)}
    roles.add(labels.get(_ROLE_LABEL, ""))
    kernel = info.get("kernelVersion") or UNKNOWN
    if info.get("architecture"):
        kernel += f" ({info['architecture']})"
    return [
        _name(obj),
        ",".join(states),
        ",".join(sorted(roles - {""})) or _NONE,
        _age(obj, now),
        info.get("kubeletVersion", ""),
        _address(status, "InternalIP"),
        _address(status, "ExternalIP"),
        info.get("osImage") or UNKNOWN,
        kernel,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _address(status: Json, kind: str) -> str:
    found = (a.get("address") for a in status.get("addresses") or () if a.get("type") == kind)
    return next(found, None) or _NONE


def namespace_row(obj: Json, now: datetime) -> list[Any]:
    """Phase."""
    return [_name(obj), (obj.get("status") or {}).get("phase", ""), _age(obj, now)]


def config_map_row(obj: Json, now: datetime) -> list[Any]:
    """How many entries."""
    entries = len(obj.get("data") or ()) + len(obj.get("binaryData") or ())
    return [_name(obj), entries, _age(obj, now)]


def secret_row(obj: Json, now: datetime) -> list[Any]:
    """Type and how many entries."""
    return [_name(obj), obj.get("type", ""), len(obj.get("data") or ()), _age(obj, now)]


def aged_row(obj: Json, now: datetime) -> list[Any]:
    """Name and age."""
    return [_name(obj), _age(obj, now)]


def dated_row(obj: Json, now: datetime) -> list[Any]:
    """Name and the time of creation."""
    del now
    return [_name(obj), obj["metadata"].get("creationTimestamp")]


def service_row(obj: Json, now: datetime) -> list[Any]:
    """Type, addresses, ports."""
    spec = obj.get("spec") or {}
    cluster_ips = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return [
        _name(obj),
        spec.get("type", ""),
        cluster_ips[0] or _NONE,
        _external_ip(obj, spec),
        ",".join(_port(port) for port in spec.get("ports") or ()) or _NONE,
        _age(obj, now),
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


def event_row(obj: Json, now: datetime) -> list[Any]:
    """When, why and about what, of an event in either API group."""
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    first = obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp") or obj.get("eventTime")
    last = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp") or first
    count = obj.get("count") or obj.get("deprecatedCount") or 1
    if obj.get("series"):
        last, count = obj["series"].get("lastObservedTime"), obj["series"].get("count")
    kind = str(about.get("kind", "")).lower()
    component = (
        source.get("component") or obj.get("reportingComponent") or obj.get("reportingController")
    )
    instance = source.get("host") or obj.get("reportingInstance")
    return [
        since(last, now),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{kind}/{about['name']}" if about.get("name") else kind,
        about.get("fieldPath", ""),
        ", ".join(part for part in (component, instance) if part),
        str(obj.get("message") or obj.get("note") or "").strip(),
        since(first, now),
        count,
        _name(obj),
    ]


def lease_row(obj: Json, now: datetime) -> list[Any]:
    """Who holds it."""
    return [_name(obj), (obj.get("spec") or {}).get("holderIdentity") or "", _age(obj, now)]


def claim_row(obj: Json, now: datetime) -> list[Any]:
    """Phase, volume, size."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return [
        _name(obj),
        "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", ""),
        spec.get("volumeName", ""),
        (status.get("capacity") or {}).get("storage", "0") if bound else "",
        _access_modes(status) if bound else "",
        spec.get("storageClassName") or "",
        spec.get("volumeAttributesClassName") or _UNSET,
        _age(obj, now),
        spec.get("volumeMode") or _UNSET,
    ]


def volume_row(obj: Json, now: datetime) -> list[Any]:
    """Size, phase, claim."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    claim = spec.get("claimRef")
    return [
        _name(obj),
        (spec.get("capacity") or {}).get("storage", "0"),
        _access_modes(spec),
        spec.get("persistentVolumeReclaimPolicy", ""),
        "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", ""),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        spec.get("storageClassName") or "",
        spec.get("volumeAttributesClassName") or _UNSET,
        status.get("reason", ""),
        _age(obj, now),
        spec.get("volumeMode") or _UNSET,
    ]


def _access_modes(holder: Json) -> str:
    modes = holder.get("accessModes") or ()
    return ",".join(short for mode, short in _MODES.items() if mode in modes)


def definition_row(obj: Json, now: datetime) -> list[Any]:
    """Scope, versions and names of a CustomResourceDefinition."""
    del now
    spec = obj.get("spec") or {}
    names = spec.get("names") or {}
    conditions = {c.get("type"): c for c in (obj.get("status") or {}).get("conditions") or ()}
    versions = [
        version["name"] + ("(storage)" if version.get("storage") else "")
        for version in spec.get("versions") or ()
    ]
    return [
        _name(obj),
        spec.get("scope", ""),
        ",".join(versions),
        obj["metadata"].get("creationTimestamp"),
        spec.get("group", ""),
        names.get("kind", ""),
        ",".join(names.get("shortNames") or ()),
        conditions.get("Established", {}).get("status") == "True",
    ]


def priority_class_row(obj: Json, now: datetime) -> list[Any]:
    """Value and what it does to others."""
    return [
        _name(obj),
        obj.get("value", 0),
        bool(obj.get("globalDefault")),
        _age(obj, now),
        obj.get("preemptionPolicy", ""),
    ]


def role_binding_row(obj: Json, now: datetime) -> list[Any]:
    """Role and subjects."""
    role = obj.get("roleRef") or {}
    subjects: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in obj.get("subjects") or ():
        name = subject.get("name", "")
        if subject.get("kind") == "ServiceAccount" and subject.get("namespace"):
            name = f"{subject['namespace']}/{name}"
        subjects.setdefault(subject.get("kind", ""), []).append(name)
    return [
        _name(obj),
        f"{role.get('kind', '')}/{role.get('name', '')}",
        _age(obj, now),
        *(", ".join(subjects[kind]) for kind in ("User", "Group", "ServiceAccount")),
    ]


def endpoints_row(obj: Json, now: datetime) -> list[Any]:
    """Addresses with their ports, the first few of them."""
    found = [
        f"{address.get('ip', '')}:{port['port']}" if port else address.get("ip", "")
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or [None]
        for address in subset.get("addresses") or ()
    ]
    return [_name(obj), _first(found) or _NONE, _age(obj, now)]


def endpoint_slice_row(obj: Json, now: datetime) -> list[Any]:
    """Address type, ports, addresses."""
    ports = [str(port.get("port") or port.get("name") or "*") for port in obj.get("ports") or ()]
    found = [a for endpoint in obj.get("endpoints") or () for a in endpoint.get("addresses") or ()]
    return [
        _name(obj),
        obj.get("addressType", ""),
        _first(ports) or _UNSET,
        _first(found) or _UNSET,
        _age(obj, now),
    ]


def _first(items: list[str]) -> str:
    text = ",".join(items[:_SHOWN_ENDPOINTS])
    more = len(items) - _SHOWN_ENDPOINTS
    return f"{text} + {more} more..." if more > 0 else text


def quota_row(obj: Json, now: datetime) -> list[Any]:
    """Used of allowed."""
    status = obj.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    shown = {name: f"{name}: {used.get(name, '0')}/{hard[name]}" for name in sorted(hard)}
    limits = [text for name, text in shown.items() if name.startswith("limits.")]
    requests = [text for name, text in shown.items() if not name.startswith("limits.")]
    return [_name(obj), ", ".join(requests), ", ".join(limits), _age(obj, now)]


def storage_class_row(obj: Json, now: datetime) -> list[Any]:
    """Provisioner and what becomes of volumes."""
    default = (obj["metadata"].get("annotations") or {}).get(
        "storageclass.kubernetes.io/is-default-class"
    )
    return [
        _name(obj) + (" (default)" if default == "true" else ""),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        _age(obj, now),
    ]


def network_policy_row(obj: Json, now: datetime) -> list[Any]:
    """The pods it is about."""
    return [
        _name(obj),
        format_selector((obj.get("spec") or {}).get("podSelector")),
        _age(obj, now),
    ]


def ingress_row(obj: Json, now: datetime) -> list[Any]:
    """Class, hosts, addresses, ports."""
    spec = obj.get("spec") or {}
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    balancer = (obj.get("status") or {}).get("loadBalancer") or {}
    return [
        _name(obj),
        spec.get("ingressClassName") or _NONE,
        _first(hosts) or "*",
        ",".join(i.get("ip") or i.get("hostname", "") for i in balancer.get("ingress") or ()),
        "80, 443" if spec.get("tls") else "80",
        _age(obj, now),
    ]


def ingress_class_row(obj: Json, now: datetime) -> list[Any]:
    """Controller and parameters."""
    spec = obj.get("spec") or {}
    given = spec.get("parameters")
    parameters = _NONE
    if given:
        group = f".{given['apiGroup']}" if given.get("apiGroup") else ""
        parameters = f"{given.get('kind', '')}{group}/{given.get('name', '')}"
    return [_name(obj), spec.get("controller", ""), parameters, _age(obj, now)]
