"""What a container must look like, in the words of core/v1 validation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver import field_errors as errors
from mlctl_core.embedded.apiserver import names
from mlctl_core.embedded.apiserver.probe_rules import (
    check_handler,
    check_port_number,
    check_probe,
)
from mlctl_core.embedded.apiserver.resource_rules import check_resources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json

PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_MESSAGE_POLICIES: Final = ("File", "FallbackToLogsOnError")
_PROPAGATIONS: Final = ("Bidirectional", "HostToContainer", "None")

_SOURCES: Final = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_ENV_PATHS: Final = frozenset(
    {
        *("metadata.name", "metadata.namespace", "metadata.uid"),
        *("spec.nodeName", "spec.serviceAccountName"),
        *("status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"),
    }
)
_KEYED_PATH: Final = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")
_CONTAINER_AMOUNTS: Final = (
    *("limits.cpu", "limits.ephemeral-storage", "limits.memory"),
    *("requests.cpu", "requests.ephemeral-storage", "requests.memory"),
)
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")


def one_of(
    path: str, value: Any, allowed: Sequence[str], *, needed: bool = False
) -> list[FieldError]:
    """That a value is one of some words; an absent one is left to defaults."""
    if not value:
        return [errors.required(path)] if needed else []
    return [] if value in allowed else [errors.not_supported(path, value, allowed)]


def check_containers(spec: Json, volumes: frozenset[str], path: str = "spec") -> list[FieldError]:
    """All containers of a pod's spec, and that no two have the same name."""
    found: list[FieldError] = []
    if not spec.get("containers"):
        found.append(errors.required(f"{path}.containers"))
    seen: set[str] = set()
    claims = [claim.get("name", "") for claim in spec.get("resourceClaims") or ()]
    for group in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(group) or ()):
            where = f"{path}.{group}[{index}]"
            name = container.get("name") or ""
            if name and name in seen:
                found.append(errors.duplicate(f"{where}.name", name))
            seen.add(name)
            found.extend(_check_container(container, volumes, claims, where))
            if group == "initContainers" and container.get("restartPolicy") != "Always":
                found.extend(
                    errors.forbidden(
                        f"{where}.{probe}",
                        "may not be set for init containers without restartPolicy=Always",
                    )
                    for probe in ("lifecycle", *_PROBES)
                    if probe in container
                )
    return found


def _check_container(
    container: Json, volumes: frozenset[str], claims: list[str], path: str
) -> list[FieldError]:
    found: list[FieldError] = []
    name, image = container.get("name") or "", container.get("image") or ""
    if not name:
        found.append(errors.required(f"{path}.name"))
    else:
        rules = names.check_dns_1123_label(name)
        found.extend(errors.invalid(f"{path}.name", name, rule) for rule in rules)
    if not image:
        found.append(errors.required(f"{path}.image"))
    elif image != image.strip():
        detail = "must not have leading or trailing whitespace"
        found.append(errors.invalid(f"{path}.image", image, detail))
    found.extend(_check_ports(container.get("ports") or [], path))
    found.extend(_check_env(container.get("env") or [], path))
    found.extend(_check_env_from(container.get("envFrom") or [], path))
    found.extend(_check_mounts(container, volumes, path))
    for probe in _PROBES:
        if probe in container:
            single = probe != "readinessProbe"
            found.extend(check_probe(container[probe], f"{path}.{probe}", single=single))
    for hook in ("postStart", "preStop"):
        handler = (container.get("lifecycle") or {}).get(hook)
        if handler is not None:
            found.extend(check_handler(handler, f"{path}.lifecycle.{hook}"))
    policy = container.get("imagePullPolicy")
    found.extend(one_of(f"{path}.imagePullPolicy", policy, PULL_POLICIES))
    policy = container.get("terminationMessagePolicy")
    found.extend(one_of(f"{path}.terminationMessagePolicy", policy, _MESSAGE_POLICIES))
    found.extend(check_resources(container.get("resources") or {}, f"{path}.resources", claims))
    found.extend(check_user_ids(container.get("securityContext") or {}, f"{path}.securityContext"))
    return found


def check_user_ids(context: Json, path: str) -> list[FieldError]:
    """Users and groups of a security context."""
    most = 2**31 - 1
    return [
        errors.invalid(f"{path}.{field}", value, f"must be between 0 and {most}, inclusive")
        for field in ("fsGroup", "runAsUser", "runAsGroup")
        if (value := context.get(field)) is not None and not 0 <= value <= most
    ]


def _check_ports(ports: list[Json], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        where = f"{path}.ports[{index}]"
        name = port.get("name") or ""
        if name:
            rules = names.check_port_name(name)
            found.extend(errors.invalid(f"{where}.name", name, rule) for rule in rules)
            if not rules and name in seen:
                found.append(errors.duplicate(f"{where}.name", name))
            seen.add(name)
        number = port.get("containerPort") or 0
        if number == 0:
            found.append(errors.required(f"{where}.containerPort"))
        else:
            found.extend(check_port_number(f"{where}.containerPort", number))
        if port.get("hostPort"):
            found.extend(check_port_number(f"{where}.hostPort", port["hostPort"]))
        found.extend(one_of(f"{where}.protocol", port.get("protocol"), PROTOCOLS, needed=True))
    return found


def _check_env(variables: list[Json], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for index, variable in enumerate(variables):
        where = f"{path}.env[{index}]"
        name = variable.get("name") or ""
        if not name:
            found.append(errors.required(f"{where}.name"))
        else:
            rules = names.check_env_name(name)
            found.extend(errors.invalid(f"{where}.name", name, rule) for rule in rules)
        if variable.get("valueFrom") is not None:
            found.extend(_check_env_source(variable, f"{where}.valueFrom"))
    return found


def _check_env_source(variable: Json, path: str) -> list[FieldError]:
    source = variable["valueFrom"]
    given = [name for name in _SOURCES if source.get(name) is not None]
    found: list[FieldError] = []
    if "fieldRef" in given:
        found.extend(_check_field_ref(source["fieldRef"], f"{path}.fieldRef", _ENV_PATHS))
    if "resourceFieldRef" in given:
        where = f"{path}.resourceFieldRef.resource"
        amount = source["resourceFieldRef"].get("resource") or ""
        if not amount.startswith(("requests.hugepages-", "limits.hugepages-")):
            found.extend(one_of(where, amount, _CONTAINER_AMOUNTS, needed=True))
    for kind in ("configMapKeyRef", "secretKeyRef"):
        if kind in given:
            found.extend(_check_key_ref(source[kind], f"{path}.{kind}"))
    if not given:
        words = ", ".join(f"`{name}`" for name in _SOURCES[:-1])
        detail = f"must specify one of: {words} or `{_SOURCES[-1]}`"
        found.append(errors.invalid(path, "", detail))
    elif len(given) > 1:
        detail = "may not have more than one field specified at a time"
        found.append(errors.invalid(path, "", detail))
    if variable.get("value"):
        detail = "may not be specified when `value` is not empty"
        found.append(errors.invalid(path, "", detail))
    return found


def _check_field_ref(ref: Json, path: str, allowed: frozenset[str]) -> list[FieldError]:
    field = ref.get("fieldPath") or ""
    where = f"{path}.fieldPath"
    if not field:
        return [errors.required(where)]
    keyed = _KEYED_PATH.fullmatch(field)
    if keyed:
        return [
            errors.invalid(where, field, rule)
            for rule in names.check_qualified_name(keyed[2].lower())
        ]
    if field not in allowed:
        detail = f"error converting fieldPath: field label not supported: {field}"
        return [errors.invalid(where, field, detail)]
    return []


def _check_key_ref(ref: Json, path: str) -> list[FieldError]:
    name, key = ref.get("name") or "", ref.get("key") or ""
    rules = names.check_dns_1123_subdomain(name)
    found = [errors.invalid(f"{path}.name", name, rule) for rule in rules]
    if not key:
        found.append(errors.required(f"{path}.key"))
    else:
        rules = names.check_config_key(key)
        found.extend(errors.invalid(f"{path}.key", key, rule) for rule in rules)
    return found


def _check_env_from(sources: list[Json], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for index, source in enumerate(sources):
        given = [name for name in ("configMapRef", "secretRef") if source.get(name) is not None]
        found.extend(
            errors.required(f"{path}.envFrom[{index}].{name}.name")
            for name in given
            if not source[name].get("name")
        )
        if not given:
            detail = "must specify one of: `configMapRef` or `secretRef`"
            found.append(errors.invalid(f"{path}.envFrom", "", detail))
        elif len(given) > 1:
            detail = "may not have more than one field specified at a time"
            found.append(errors.invalid(f"{path}.envFrom", "", detail))
    return found


def _check_mounts(container: Json, volumes: frozenset[str], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    seen: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        where = f"{path}.volumeMounts[{index}]"
        name, at = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            found.append(errors.required(f"{where}.name"))
        if name not in volumes:
            found.append(errors.not_found(f"{where}.name", name))
        if not at:
            found.append(errors.required(f"{where}.mountPath"))
        elif at in seen:
            found.append(errors.invalid(f"{where}.mountPath", at, "must be unique"))
        seen.add(at)
        for field in ("subPath", "subPathExpr"):
            if mount.get(field):
                found.extend(check_inside(mount[field], f"{path}.volumeMounts.{field}"))
        propagation = mount.get("mountPropagation")
        found.extend(one_of(f"{where}.mountPropagation", propagation, _PROPAGATIONS))
    return found


def check_inside(text: str, path: str) -> list[FieldError]:
    """That a path stays below where it starts."""
    if text.startswith("/"):
        return [errors.invalid(path, text, "must be a relative path")]
    if ".." in text.split("/"):
        return [errors.invalid(path, text, "must not contain '..'")]
    return []
