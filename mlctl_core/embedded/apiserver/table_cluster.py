"""The rows of nodes, namespaces, configuration, events, storage and access."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver.durations import UNKNOWN, since

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


def name_of(obj: Json) -> str:
    """The object's name."""
    return str(obj["metadata"]["name"])


def age_of(obj: Json, now: datetime) -> str:
    """How long ago the object was created."""
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
        name_of(obj),
        ",".join(states),
        ",".join(sorted(roles - {""})) or _NONE,
        age_of(obj, now),
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
    return [name_of(obj), (obj.get("status") or {}).get("phase", ""), age_of(obj, now)]


def config_map_row(obj: Json, now: datetime) -> list[Any]:
    """How many entries."""
    entries = len(obj.get("data") or ()) + len(obj.get("binaryData") or ())
    return [name_of(obj), entries, age_of(obj, now)]


def secret_row(obj: Json, now: datetime) -> list[Any]:
    """Type and how many entries."""
    return [name_of(obj), obj.get("type", ""), len(obj.get("data") or ()), age_of(obj, now)]


def aged_row(obj: Json, now: datetime) -> list[Any]:
    """Name and age."""
    return [name_of(obj), age_of(obj, now)]


def dated_row(obj: Json, now: datetime) -> list[Any]:
    """Name and the time of creation."""
    del now
    return [name_of(obj), obj["metadata"].get("creationTimestamp")]


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
        name_of(obj),
    ]


def lease_row(obj: Json, now: datetime) -> list[Any]:
    """Who holds it."""
    return [name_of(obj), (obj.get("spec") or {}).get("holderIdentity") or "", age_of(obj, now)]


def claim_row(obj: Json, now: datetime) -> list[Any]:
    """Phase, volume, size."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return [
        name_of(obj),
        "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", ""),
        spec.get("volumeName", ""),
        (status.get("capacity") or {}).get("storage", "0") if bound else "",
        _access_modes(status) if bound else "",
        spec.get("storageClassName") or "",
        spec.get("volumeAttributesClassName") or _UNSET,
        age_of(obj, now),
        spec.get("volumeMode") or _UNSET,
    ]


def volume_row(obj: Json, now: datetime) -> list[Any]:
    """Size, phase, claim."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    claim = spec.get("claimRef")
    return [
        name_of(obj),
        (spec.get("capacity") or {}).get("storage", "0"),
        _access_modes(spec),
        spec.get("persistentVolumeReclaimPolicy", ""),
        "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", ""),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        spec.get("storageClassName") or "",
        spec.get("volumeAttributesClassName") or _UNSET,
        status.get("reason", ""),
        age_of(obj, now),
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
        name_of(obj),
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
        name_of(obj),
        obj.get("value", 0),
        bool(obj.get("globalDefault")),
        age_of(obj, now),
        obj.get("preemptionPolicy", ""),
    ]


def admission_policy_row(obj: Json, now: datetime) -> list[Any]:
    """How many validations, and the kind that gives parameters."""
    spec = obj.get("spec") or {}
    kind = spec.get("paramKind")
    return [
        name_of(obj),
        len(spec.get("validations") or ()),
        f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else _UNSET,
        age_of(obj, now),
    ]


def admission_policy_binding_row(obj: Json, now: datetime) -> list[Any]:
    """The policy, and the object with parameters."""
    spec = obj.get("spec") or {}
    params = spec.get("paramRef") or {}
    named = "/".join(filter(None, (params.get("namespace"), params.get("name"))))
    return [name_of(obj), spec.get("policyName", ""), named or _UNSET, age_of(obj, now)]


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
        name_of(obj),
        f"{role.get('kind', '')}/{role.get('name', '')}",
        age_of(obj, now),
        *(", ".join(subjects[kind]) for kind in ("User", "Group", "ServiceAccount")),
    ]


def quota_row(obj: Json, now: datetime) -> list[Any]:
    """Used of allowed."""
    status = obj.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    shown = {name: f"{name}: {used.get(name, '0')}/{hard[name]}" for name in sorted(hard)}
    limits = [text for name, text in shown.items() if name.startswith("limits.")]
    requests = [text for name, text in shown.items() if not name.startswith("limits.")]
    return [name_of(obj), ", ".join(requests), ", ".join(limits), age_of(obj, now)]


def storage_class_row(obj: Json, now: datetime) -> list[Any]:
    """Provisioner and what becomes of volumes."""
    default = (obj["metadata"].get("annotations") or {}).get(
        "storageclass.kubernetes.io/is-default-class"
    )
    return [
        name_of(obj) + (" (default)" if default == "true" else ""),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        age_of(obj, now),
    ]
