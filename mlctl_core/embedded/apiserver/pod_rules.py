"""What a pod must look like, and what of it may change.

The rules of core/v1 validation that clients meet, in its words. Not here: windows, security
profiles beyond user ids, and volumes of storage vendors.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver import field_errors as errors
from mlctl_core.embedded.apiserver import names
from mlctl_core.embedded.apiserver.container_rules import check_containers, check_user_ids, one_of
from mlctl_core.embedded.apiserver.formats import fits
from mlctl_core.embedded.apiserver.metadata_rules import check_labels
from mlctl_core.embedded.apiserver.placement_rules import (
    check_affinity,
    check_gates,
    check_spread,
    check_tolerations,
)
from mlctl_core.embedded.apiserver.volume_rules import check_volumes

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json

RESTART_POLICIES: Final = ("Always", "OnFailure", "Never")
_DNS_POLICIES: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_SECONDS: Final = 2**31 - 1

_NO_ADDRESS: Final = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"

_CHANGE_RULE: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only"
    " additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be"
    " set to 1 if it was previously negative)"
)


def check_pod(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """A pod's spec, and on update that only what may change has."""
    spec = new.get("spec") or {}
    if subresource == "status":
        return _check_status(new.get("status") or {})
    found = check_pod_spec(spec)
    if subresource == "binding":
        # Sets the node, which no other door may.
        return found
    if old is None:
        if spec.get("ephemeralContainers"):
            detail = "cannot be set on create"
            found.append(errors.forbidden("spec.ephemeralContainers", detail))
        if spec.get("schedulingGates") and spec.get("nodeName"):
            detail = "cannot be set until all schedulingGates have been cleared"
            found.append(errors.forbidden("spec.nodeName", detail))
    else:
        found.extend(_check_change(spec, old.get("spec") or {}))
    return found


def _check_status(status: Json) -> list[FieldError]:
    found = [
        errors.invalid(f"status.podIPs[{index}]", entry.get("ip", ""), _NO_ADDRESS)
        for index, entry in enumerate(status.get("podIPs") or ())
        if not _is_address(entry.get("ip", ""))
    ]
    return found + [
        errors.invalid(f"status.conditions[{index}].Type", condition.get("type", ""), rule)
        for index, condition in enumerate(status.get("conditions") or ())
        for rule in names.check_qualified_name(condition.get("type") or "")
    ]


def check_pod_spec(spec: Json, path: str = "spec") -> list[FieldError]:
    """The spec of a pod or of a template."""
    volumes = spec.get("volumes") or []
    mountable = frozenset(str(volume.get("name")) for volume in volumes)
    found = check_volumes(volumes, path)
    found.extend(check_containers(spec, mountable, path))
    policy = spec.get("restartPolicy")
    found.extend(one_of(f"{path}.restartPolicy", policy, RESTART_POLICIES, needed=True))
    found.extend(one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES, needed=True))
    found.extend(check_labels(spec.get("nodeSelector"), f"{path}.nodeSelector"))
    found.extend(check_user_ids(spec.get("securityContext") or {}, f"{path}.securityContext"))
    found.extend(_check_names(spec, path))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _SECONDS:
        detail = f"must be between 1 and {_SECONDS}, inclusive"
        found.append(errors.invalid(f"{path}.activeDeadlineSeconds", deadline, detail))
    found.extend(check_tolerations(spec.get("tolerations") or [], f"{path}.tolerations"))
    found.extend(_check_aliases(spec.get("hostAliases") or [], f"{path}.hostAliases"))
    found.extend(check_gates(spec.get("schedulingGates") or [], f"{path}.schedulingGates"))
    found.extend(check_affinity(spec.get("affinity") or {}, f"{path}.affinity"))
    constraints = spec.get("topologySpreadConstraints") or []
    found.extend(check_spread(constraints, f"{path}.topologySpreadConstraints"))
    for index, claim in enumerate(spec.get("resourceClaims") or ()):
        if not (claim.get("resourceClaimName") or claim.get("resourceClaimTemplateName")):
            detail = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            found.append(errors.invalid(f"{path}.resourceClaims[{index}]", claim, detail))
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        where, kind = f"{path}.readinessGates[{index}].conditionType", gate.get("conditionType", "")
        rules = names.check_qualified_name(kind)
        found.extend(errors.invalid(where, kind, rule) for rule in rules)
    return found


def _check_names(spec: Json, path: str) -> list[FieldError]:
    checks = {
        "serviceAccountName": names.check_dns_1123_subdomain,
        "nodeName": names.check_dns_1123_subdomain,
        "hostname": names.check_dns_1123_label,
        "subdomain": names.check_dns_1123_label,
        "runtimeClassName": names.check_dns_1123_subdomain,
        "priorityClassName": names.check_dns_1123_subdomain,
    }
    return [
        errors.invalid(f"{path}.{field}", spec[field], rule)
        for field, check in checks.items()
        if spec.get(field)
        for rule in check(spec[field])
    ]


def _is_address(text: str) -> bool:
    return fits(text, "ipv4") or fits(text, "ipv6")


def _check_aliases(aliases: list[Json], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for index, alias in enumerate(aliases):
        ip = alias.get("ip") or ""
        if not _is_address(ip):
            found.append(errors.invalid(f"{path}[{index}].ip", ip, _NO_ADDRESS))
        for at, host in enumerate(alias.get("hostnames") or ()):
            where = f"{path}[{index}].hostnames[{at}]"
            rules = names.check_dns_1123_subdomain(host)
            found.extend(errors.invalid(where, host, rule) for rule in rules)
    return found


def _check_change(new: Json, old: Json) -> list[FieldError]:
    for group in ("containers", "initContainers"):
        if len(new.get(group) or ()) != len(old.get(group) or ()):
            detail = "pod updates may not add or remove containers"
            return [errors.forbidden(f"spec.{group}", detail)]
    found = _check_deadline_change(new, old)
    found.extend(_check_tolerations_change(new, old))
    gates = _check_gates_change(new, old)
    frozen, before = _frozen_part(new), _frozen_part(old)
    if old.get("schedulingGates"):
        # A pod that is not scheduled yet may be narrowed to fewer nodes (KEP-3838).
        found.extend(_check_selector_change(new, old))
        for part in (frozen, before):
            part.pop("nodeSelector", None)
            part.pop("affinity", None)
    if frozen != before:
        where = ", ".join(sorted(_differences(before, frozen, "spec")))
        found.append(errors.forbidden("spec", f"{_CHANGE_RULE}\nchanged: {where}"))
    return gates + found


def _frozen_part(spec: Json) -> Json:
    frozen = copy.deepcopy(spec)
    for field in ("activeDeadlineSeconds", "tolerations", "schedulingGates"):
        frozen.pop(field, None)
    grace = frozen.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 1:
        frozen["terminationGracePeriodSeconds"] = 1
    for group in ("containers", "initContainers"):
        for container in frozen.get(group) or ():
            container.pop("image", None)
    return frozen


def _differences(old: Any, new: Any, path: str) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        names_of = sorted(old.keys() | new.keys())
        return [
            found
            for name in names_of
            if old.get(name) != new.get(name)
            for found in _differences(old.get(name), new.get(name), f"{path}.{name}")
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            found
            for index, (left, right) in enumerate(zip(old, new, strict=True))
            if left != right
            for found in _differences(left, right, f"{path}[{index}]")
        ]
    return [path]


def _check_deadline_change(new: Json, old: Json) -> list[FieldError]:
    path = "spec.activeDeadlineSeconds"
    before, after = old.get("activeDeadlineSeconds"), new.get("activeDeadlineSeconds")
    if before is None or after == before:
        return []
    if after is None:
        detail = "must not update from a positive integer to nil value"
        return [errors.invalid(path, None, detail)]
    if after > before:
        return [errors.invalid(path, after, "must be less than or equal to previous value")]
    return []


def _check_tolerations_change(new: Json, old: Json) -> list[FieldError]:
    def bare(toleration: Json) -> Json:
        return {name: value for name, value in toleration.items() if name != "tolerationSeconds"}

    after = [bare(toleration) for toleration in new.get("tolerations") or ()]
    if all(bare(toleration) in after for toleration in old.get("tolerations") or ()):
        return []
    detail = "existing toleration can not be modified except its tolerationSeconds"
    return [errors.forbidden("spec.tolerations", detail)]


def _check_gates_change(new: Json, old: Json) -> list[FieldError]:
    before = {gate.get("name") for gate in old.get("schedulingGates") or ()}
    return [
        errors.forbidden(
            f"spec.schedulingGates[{index}].name",
            f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'",
        )
        for index, gate in enumerate(new.get("schedulingGates") or ())
        if gate.get("name") not in before
    ]


def _check_selector_change(new: Json, old: Json) -> list[FieldError]:
    after, before = new.get("nodeSelector") or {}, old.get("nodeSelector") or {}
    if all(after.get(key) == value for key, value in before.items()):
        return []
    detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
    return [errors.invalid("spec.nodeSelector", after, detail)]
