"""What services, nodes, claims, priorities, access and events must look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlctl_core.embedded.apiserver import field_errors as errors
from mlctl_core.embedded.apiserver import names
from mlctl_core.embedded.apiserver.container_rules import PROTOCOLS, one_of
from mlctl_core.embedded.apiserver.formats import fits
from mlctl_core.embedded.apiserver.metadata_rules import check_labels
from mlctl_core.embedded.apiserver.placement_rules import EFFECTS
from mlctl_core.embedded.apiserver.probe_rules import check_port_number
from mlctl_core.objects.quantities import parse_quantity

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json

_SERVICE_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_SESSION_AFFINITIES: Final = ("ClientIP", "None")
_ACCESS_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_PREEMPTION: Final = ("PreemptLowerPriority", "Never")
_MAX_PRIORITY: Final = 1_000_000_000
_SUBJECTS: Final = ("ServiceAccount", "User", "Group")
_EVENT_TYPES: Final = ("Normal", "Warning")
_EVENT_TEXTS: Final = (
    ("reportingInstance", "reportingInstance", 128),
    ("action", "action", 128),
    ("reason", "reason", 128),
    ("note", "message", 1024),
)
"""Texts of an event, their names in refusals, and how long they may be."""
_EVENT_FIXED: Final = {
    "regarding": "involvedObject",
    "reason": "reason",
    "note": "message",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
    "type": "type",
    "eventTime": "eventTime",
    "action": "action",
    "related": "related",
    "reportingController": "reportingController",
    "reportingInstance": "reportingInstance",
}
_LEAST_REPEATED: Final = 2


def check_service(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """Type, ports, selector, and that the cluster IP stays."""
    spec = new.get("spec") or {}
    if subresource:
        return []
    found: list[FieldError] = []
    kind, ports = spec.get("type"), spec.get("ports") or []
    headless = spec.get("clusterIP") == "None"
    if kind == "ExternalName":
        if not spec.get("externalName"):
            found.append(errors.required("spec.externalName"))
    elif not ports and not headless:
        found.append(errors.required("spec.ports"))
    found.extend(_check_service_ports(ports, str(kind)))
    found.extend(check_labels(spec.get("selector"), "spec.selector"))
    affinity = spec.get("sessionAffinity")
    found.extend(one_of("spec.sessionAffinity", affinity, _SESSION_AFFINITIES, needed=True))
    found.extend(one_of("spec.type", kind, _SERVICE_TYPES, needed=True))
    given = spec.get("clusterIP")
    if given and not headless and not (fits(given, "ipv4") or fits(given, "ipv6")):
        detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        found.append(errors.invalid("spec.clusterIPs[0]", given, detail))
    if old is not None:
        before = (old.get("spec") or {}).get("clusterIP")
        if before and given != before and kind != "ExternalName":
            shown = spec.get("clusterIPs") or [given]
            detail = "may not change once set"
            found.append(errors.invalid("spec.clusterIPs[0]", shown, detail))
    return found


def _check_service_ports(ports: list[Json], kind: str) -> list[FieldError]:
    found: list[FieldError] = []
    seen: set[str] = set()
    used: set[tuple[object, object]] = set()
    for index, port in enumerate(ports):
        where = f"spec.ports[{index}]"
        name = port.get("name") or ""
        if not name and len(ports) > 1:
            found.append(errors.required(f"{where}.name"))
        elif name:
            rules = names.check_dns_1123_label(name)
            found.extend(errors.invalid(f"{where}.name", name, rule) for rule in rules)
            if name in seen:
                found.append(errors.duplicate(f"{where}.name", name))
            seen.add(name)
        found.extend(check_port_number(f"{where}.port", port.get("port") or 0))
        found.extend(one_of(f"{where}.protocol", port.get("protocol"), PROTOCOLS, needed=True))
        target = port.get("targetPort")
        if isinstance(target, str):
            rules = names.check_port_name(target)
            found.extend(errors.invalid(f"{where}.targetPort", target, rule) for rule in rules)
        elif isinstance(target, int):
            found.extend(check_port_number(f"{where}.targetPort", target))
        if port.get("nodePort") and kind == "ClusterIP":
            detail = "may not be used when `type` is 'ClusterIP'"
            found.append(errors.forbidden(f"{where}.nodePort", detail))
        key = (port.get("protocol"), port.get("port"))
        if key in used:
            shown = {"port": port.get("port"), "protocol": port.get("protocol")}
            found.append(errors.duplicate(where, shown))
        used.add(key)
    return found


def check_node(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """Taints."""
    del old, subresource
    found: list[FieldError] = []
    seen: set[tuple[object, object]] = set()
    for index, taint in enumerate((new.get("spec") or {}).get("taints") or ()):
        where = f"metadata.taints[{index}]"
        key = taint.get("key") or ""
        rules = names.check_qualified_name(key)
        found.extend(errors.invalid(f"{where}.key", key, rule) for rule in rules)
        value = taint.get("value") or ""
        rules = names.check_label_value(value)
        found.extend(errors.invalid(f"{where}.value", value, rule) for rule in rules)
        found.extend(one_of(f"{where}.effect", taint.get("effect"), EFFECTS, needed=True))
        identity = (key, taint.get("effect"))
        if identity in seen:
            shown = {"key": key, "value": value, "effect": taint.get("effect")}
            found.append(errors.duplicate(where, shown))
        seen.add(identity)
    return found


def check_claim(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """Access modes and size; only the size may change."""
    spec = new.get("spec") or {}
    if subresource:
        return []
    found: list[FieldError] = []
    modes = spec.get("accessModes") or []
    if not modes:
        detail = "at least 1 access mode is required"
        found.append(errors.required("spec.accessModes", detail))
    for mode in modes:
        found.extend(one_of("spec.accessModes", mode, _ACCESS_MODES))
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if size is None:
        found.append(errors.required("spec.resources[storage]"))
    elif parse_quantity(size) <= 0:
        detail = "must be greater than zero"
        found.append(errors.invalid("spec.resources[storage]", size, detail))
    if old is not None:
        before = old.get("spec") or {}
        may_change = {"resources", "volumeAttributesClassName"}
        if not before.get("volumeName"):
            may_change.add("volumeName")
        changed = {name for name in spec.keys() | before if spec.get(name) != before.get(name)}
        if changed - may_change:
            detail = (
                "spec is immutable after creation except resources.requests and"
                " volumeAttributesClassName for bound claims"
            )
            found.append(errors.forbidden("spec", detail))
    return found


def check_priority_class(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """Value and preemption policy, neither of which may change."""
    del subresource
    found: list[FieldError] = []
    value = new.get("value") or 0
    system = str(new["metadata"].get("name", "")).startswith("system-")
    if value > _MAX_PRIORITY and not system:
        detail = f"maximum allowed value of a user defined priority is {_MAX_PRIORITY}"
        found.append(errors.forbidden("value", detail))
    found.extend(one_of("preemptionPolicy", new.get("preemptionPolicy"), _PREEMPTION))
    if old is not None:
        if value != (old.get("value") or 0):
            found.append(errors.forbidden("value", "may not be changed in an update."))
        if new.get("preemptionPolicy") != old.get("preemptionPolicy"):
            detail = "field is immutable"
            shown = new.get("preemptionPolicy")
            found.append(errors.invalid("preemptionPolicy", shown, detail))
    return found


def check_role(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """That every rule says what, and what may be done with it."""
    del old, subresource
    found: list[FieldError] = []
    for index, rule in enumerate(new.get("rules") or ()):
        where = f"rules[{index}]"
        if not rule.get("nonResourceURLs"):
            if not rule.get("apiGroups"):
                detail = "resource rules must supply at least one api group"
                found.append(errors.required(f"{where}.apiGroups", detail))
            if not rule.get("resources"):
                detail = "resource rules must supply at least one resource"
                found.append(errors.required(f"{where}.resources", detail))
        if not rule.get("verbs"):
            found.append(errors.required(f"{where}.verbs"))
    return found


def check_role_binding(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """Role and subjects; the role may not change."""
    del subresource
    role = new.get("roleRef") or {}
    kinds = ("Role", "ClusterRole") if new["metadata"].get("namespace") else ("ClusterRole",)
    found: list[FieldError] = []
    if role.get("kind") not in kinds:
        found.append(errors.not_supported("roleRef.kind", role.get("kind", ""), kinds))
    for index, subject in enumerate(new.get("subjects") or ()):
        where = f"subjects[{index}]"
        if subject.get("kind") not in _SUBJECTS:
            found.append(errors.not_supported(f"{where}.kind", subject.get("kind", ""), _SUBJECTS))
        if not subject.get("name"):
            found.append(errors.required(f"{where}.name"))
    if not role.get("name"):
        found.append(errors.required("roleRef.name"))
    if old is not None and role != old.get("roleRef"):
        found.append(errors.invalid("roleRef", role, "cannot change roleRef"))
    return found


def check_lease(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """Numbers of a lease."""
    del old, subresource
    spec = new.get("spec") or {}
    found: list[FieldError] = []
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        detail = "must be greater than 0"
        found.append(errors.invalid("spec.leaseDurationSeconds", seconds, detail))
    if transitions is not None and transitions < 0:
        detail = "must be greater than or equal to 0"
        found.append(errors.invalid("spec.leaseTransitions", transitions, detail))
    return found


def check_core_event(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """That an event is where its object is."""
    del old, subresource
    about = (new.get("involvedObject") or {}).get("namespace") or ""
    where = new["metadata"].get("namespace") or ""
    if about in {"", where} and (about or where == "default"):
        return []
    detail = "does not match event.namespace"
    return [errors.invalid("involvedObject.namespace", about, detail)]


def check_event(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """What events.k8s.io asks of a new event."""
    del subresource
    if old is not None:
        return _check_event_change(new, old)
    found: list[FieldError] = []
    about = (new.get("regarding") or {}).get("namespace") or ""
    where = new["metadata"].get("namespace") or ""
    if about != where and not (about == "" and where == "default"):
        detail = "does not match event.namespace"
        found.append(errors.invalid("involvedObject.namespace", about, detail))
    if not new.get("eventTime"):
        found.append(errors.required("eventTime"))
    else:
        found.extend(_check_report(new))
    if new.get("type") not in _EVENT_TYPES:
        detail = f"has invalid value: {new.get('type') or ''}"
        found.append(errors.invalid("type", "", detail))
    return found


def _check_report(event: Json) -> list[FieldError]:
    """Who reports what; asked only of events that say when."""
    found: list[FieldError] = []
    controller = event.get("reportingController") or ""
    if not controller:
        found.append(errors.required("reportingController"))
    else:
        rules = names.check_qualified_name(controller)
        found.extend(errors.invalid("reportingController", controller, rule) for rule in rules)
    found.extend(
        errors.required(field)
        for field in ("reportingInstance", "action", "reason")
        if not event.get(field)
    )
    for field, shown, most in _EVENT_TEXTS:
        if len((event.get(field) or "").encode()) > most:
            detail = f"can have at most {most} characters"
            found.append(errors.invalid(shown, "", detail))
    found.extend(_check_series(event.get("series")))
    return found


def _check_series(series: Json | None) -> list[FieldError]:
    """That what is said to repeat has repeated."""
    if series is None:
        return []
    found: list[FieldError] = []
    if series.get("count", 0) < _LEAST_REPEATED:
        found.append(errors.invalid("series.count", "", f"should be at least {_LEAST_REPEATED}"))
    if not series.get("lastObservedTime"):
        found.append(errors.required("series.lastObservedTime"))
    return found


def _check_event_change(new: Json, old: Json) -> list[FieldError]:
    """That nothing but the series of an event changes."""
    found = [
        errors.invalid(shown, new.get(field), "field is immutable")
        for field, shown in _EVENT_FIXED.items()
        if new.get(field) != old.get(field)
    ]
    return [*found, *_check_series(new.get("series"))]


def check_disruption_budget(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """That not both numbers are given."""
    del old, subresource
    spec = new.get("spec") or {}
    if spec.get("minAvailable") is None or spec.get("maxUnavailable") is None:
        return []
    return [errors.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")]
