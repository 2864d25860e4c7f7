"""What every object's metadata must look like.

Messages are those of Kubernetes 1.37 (`apimachinery/pkg/api/validation/objectmeta.go`).
What an update may not change is the business of the endpoint, which sets those fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver import field_errors as errors
from mlctl_core.embedded.apiserver import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json

    NameCheck = Callable[[str], list[str]]

MAX_ANNOTATIONS: Final = 256 * 1024
"""Bytes of all annotation keys and values together."""

STANDARD_FINALIZERS: Final = frozenset({"kubernetes", "orphan", "foregroundDeletion"})
"""Finalizers that have no domain."""
_BANNED_OWNERS: Final = frozenset({("v1", "Event")})


def validate_metadata(
    metadata: Json, *, namespaced: bool, name_check: NameCheck = names.check_dns_1123_subdomain
) -> list[FieldError]:
    """Name, namespace, labels, annotations, owners and finalizers of an object."""
    found: list[FieldError] = []
    found.extend(_check_name(metadata, name_check))
    found.extend(_check_namespace(metadata, namespaced=namespaced))
    generation = metadata.get("generation") or 0
    if generation < 0:
        detail = "must be greater than or equal to 0"
        found.append(errors.invalid("metadata.generation", generation, detail))
    found.extend(_check_common(metadata))
    return found


def _check_name(metadata: Json, check: NameCheck) -> list[FieldError]:
    found: list[FieldError] = []
    name = metadata.get("name")
    if not name:
        found.append(errors.required("metadata.name", "name or generateName is required"))
    else:
        found.extend(errors.invalid("metadata.name", name, rule) for rule in check(name))
    return found


def _check_namespace(metadata: Json, *, namespaced: bool) -> list[FieldError]:
    namespace = metadata.get("namespace") or ""
    if not namespaced:
        if namespace:
            return [errors.forbidden("metadata.namespace", "not allowed on this type")]
        return []
    if not namespace:
        return [errors.required("metadata.namespace")]
    return [
        errors.invalid("metadata.namespace", namespace, rule)
        for rule in names.check_dns_1123_label(namespace)
    ]


def _check_common(metadata: Json) -> list[FieldError]:
    found = check_labels(metadata.get("labels"), "metadata.labels")
    found.extend(_check_annotations(metadata.get("annotations") or {}))
    found.extend(_check_owners(metadata.get("ownerReferences") or []))
    found.extend(_check_finalizers(metadata.get("finalizers") or []))
    return found


def check_finalizer_domains(finalizers: list[Any]) -> list[FieldError]:
    """That finalizers of built-in kinds have a domain or are Kubernetes' own."""
    detail = "name is neither a standard finalizer name nor is it fully qualified"
    return [
        errors.invalid(f"metadata.finalizers[{index}]", name, detail)
        for index, name in enumerate(finalizers)
        if "/" not in name and name not in STANDARD_FINALIZERS
    ]


def check_labels(labels: Json | None, path: str) -> list[FieldError]:
    """Keys and values of a map of labels."""
    found: list[FieldError] = []
    for key, value in (labels or {}).items():
        found.extend(errors.invalid(path, key, rule) for rule in names.check_qualified_name(key))
        found.extend(errors.invalid(path, value, rule) for rule in names.check_label_value(value))
    return found


def _check_annotations(annotations: Json) -> list[FieldError]:
    path = "metadata.annotations"
    found: list[FieldError] = []
    for key in annotations:
        # Annotation keys may be written in capitals.
        rules = names.check_qualified_name(key.lower())
        found.extend(errors.invalid(path, key, rule) for rule in rules)
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > MAX_ANNOTATIONS:
        found.append(errors.too_long(path, MAX_ANNOTATIONS))
    return found


def _check_owners(owners: list[Json]) -> list[FieldError]:
    found: list[FieldError] = []
    controller = ""
    for index, owner in enumerate(owners):
        path = f"metadata.ownerReferences[{index}]"
        found.extend(
            errors.required(f"{path}.{name}", "must not be empty")
            for name in ("apiVersion", "kind", "name", "uid")
            if not owner.get(name)
        )
        if (owner.get("apiVersion"), owner.get("kind")) in _BANNED_OWNERS:
            detail = "/v1, Kind=Event is disallowed from being an owner"
            found.append(errors.invalid(path, owner, detail))
        if owner.get("controller"):
            name = f"{owner.get('kind')}/{owner.get('name')}"
            if controller:
                detail = (
                    "Only one reference can have Controller set to true. Found"
                    f' "true" in references for {controller} and {name}'
                )
                found.append(errors.invalid("metadata.ownerReferences", owners, detail))
            controller = name
    return found


def _check_finalizers(finalizers: list[Any]) -> list[FieldError]:
    path = "metadata.finalizers"
    found: list[FieldError] = []
    for finalizer in finalizers:
        rules = names.check_qualified_name(finalizer)
        found.extend(errors.invalid(path, finalizer, rule) for rule in rules)
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        detail = "finalizer orphan and foregroundDeletion cannot be both set"
        found.append(errors.invalid(path, finalizers, detail))
    return found
