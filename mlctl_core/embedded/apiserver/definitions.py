"""Reads CustomResourceDefinitions: defaults, checks, and the resources they define.

Words and rules are those of apiextensions-apiserver 1.37. Conversion webhooks are refused:
nothing here would call them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver import field_errors, names
from mlctl_core.embedded.apiserver.builtin_strategy import BuiltinStrategy
from mlctl_core.embedded.apiserver.resources import STATUS_VERBS, Resource, ScalePaths, Subresource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.embedded.apiserver.field_set import FieldSet
    from mlctl_core.objects.json import Json

DEFINITIONS = "apiextensions.k8s.io/customresourcedefinitions"
"""Their collection."""

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
"""Finalizer that holds a definition until its objects are gone."""

_SCOPES = ("Cluster", "Namespaced")


class DefinitionStrategy:
    """The rules of CustomResourceDefinitions."""

    def __init__(self, resource: Resource) -> None:
        self._common = BuiltinStrategy(resource)

    @property
    def schema(self) -> Json:
        """The schema of definitions themselves."""
        return self._common.schema

    def decode(self, obj: Json) -> list[str]:
        """Drop unknown fields in place, and name them."""
        return self._common.decode(obj)

    def default(self, obj: Json) -> None:
        """Fill in what a definition may leave out, and the versions it ever stored."""
        self._common.default(obj)
        complete_definition(obj)

    def validate_create(self, obj: Json) -> list[FieldError]:
        """List what is wrong with a new definition."""
        errors = self._common.validate_create(obj)
        return [*_without_domains(errors), *definition_errors(obj, None)]

    def validate_update(self, new: Json, old: Json, subresource: str = "") -> list[FieldError]:
        """List what is wrong with a changed definition."""
        errors = self._common.validate_update(new, old, subresource)
        return [*_without_domains(errors), *definition_errors(new, old)]

    def reset_fields(self, subresource: str = "") -> FieldSet:
        """The fields a write through this endpoint never owns."""
        return self._common.reset_fields(subresource)


def _without_domains(errors: list[FieldError]) -> list[FieldError]:
    """Let finalizers without a domain pass: upstream checks domains in its core kinds only."""
    return [error for error in errors if not error.path.startswith("metadata.finalizers[")]


def complete_definition(obj: Json) -> None:
    """Fill in what a definition may leave out, and the versions it ever stored."""
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    given = spec.setdefault("names", {})
    if given.get("kind"):
        given.setdefault("singular", given["kind"].lower())
        given.setdefault("listKind", given["kind"] + "List")
    spec.setdefault("conversion", {"strategy": "None"})
    stored = obj.setdefault("status", {}).setdefault("storedVersions", [])
    for version in spec.get("versions") or []:
        if version.get("storage") and version.get("name") not in stored:
            stored.append(version["name"])


def definition_errors(obj: Json, old: Json | None) -> list[FieldError]:
    """List what is wrong with a definition beside its schemas."""
    spec = obj.get("spec") or {}
    errors = _name_errors(obj["metadata"].get("name", ""), spec)
    scope = spec.get("scope", "")
    if not scope:
        errors.append(field_errors.required("spec.scope"))
    elif scope not in _SCOPES:
        errors.append(field_errors.not_supported("spec.scope", scope, _SCOPES))
    strategy = (spec.get("conversion") or {}).get("strategy")
    if strategy != "None":
        errors.append(field_errors.not_supported("spec.conversion.strategy", strategy, ("None",)))
    errors.extend(_version_errors(spec.get("versions") or []))
    if old is not None:
        errors.extend(_change_errors(spec, old["spec"]))
    return errors


def _name_errors(name: str, spec: Json) -> list[FieldError]:
    errors = []
    given, group = spec.get("names") or {}, spec.get("group", "")
    plural = given.get("plural", "")
    if name != f"{plural}.{group}":
        detail = 'must be spec.names.plural+"."+spec.group'
        errors.append(field_errors.invalid("metadata.name", name, detail))
    if not group:
        errors.append(field_errors.required("spec.group"))
    else:
        errors.extend(
            field_errors.invalid("spec.group", group, detail)
            for detail in names.check_dns_1123_subdomain(group)
        )
        if "." not in group:
            detail = "should be a domain with at least one dot"
            errors.append(field_errors.invalid("spec.group", group, detail))
    for field in ("plural", "singular", "kind", "listKind"):
        value, path = given.get(field, ""), f"spec.names.{field}"
        if not value:
            errors.append(field_errors.required(path))
            continue
        details = names.check_dns_1035_label(value.lower() if "ind" in field else value)
        errors.extend(field_errors.invalid(path, value, detail) for detail in details)
    if given.get("kind") and given.get("kind") == given.get("listKind"):
        detail = "kind and listKind may not be the same"
        errors.append(field_errors.invalid("spec.names.listKind", given["listKind"], detail))
    return errors


def _version_errors(versions: list[Json]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, version in enumerate(versions):
        path, name = f"spec.versions[{index}]", version.get("name", "")
        details = names.check_dns_1035_label(name)
        errors.extend(field_errors.invalid(f"{path}.name", name, detail) for detail in details)
        if name in seen:
            errors.append(field_errors.duplicate(f"{path}.name", name))
        seen.add(name)
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            errors.append(field_errors.required(f"{path}.schema.openAPIV3Schema"))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        shown = [version.get("name") for version in versions]
        detail = "must have exactly one version marked as storage version"
        errors.append(field_errors.invalid("spec.versions", shown, detail))
    return errors


def _change_errors(new: Json, old: Json) -> list[FieldError]:
    errors = []
    for field in ("group", "scope"):
        if new.get(field) != old.get(field):
            value = new.get(field)
            errors.append(field_errors.invalid(f"spec.{field}", value, "field is immutable"))
    for field in ("kind", "plural"):
        value = new["names"].get(field)
        if value != old["names"].get(field):
            path = f"spec.names.{field}"
            errors.append(field_errors.invalid(path, value, "field is immutable"))
    return errors


def resources_of(definition: Json, *, refuses_create: bool = False) -> list[Resource]:
    """Give the resource of each served version."""
    spec = definition["spec"]
    storage = next(one["name"] for one in spec["versions"] if one.get("storage"))
    return [
        _resource(spec, version, storage, refuses_create=refuses_create)
        for version in spec["versions"]
        if version.get("served")
    ]


def _resource(spec: Json, version: Json, storage: str, *, refuses_create: bool) -> Resource:
    given, group = spec["names"], spec["group"]
    schema = version["schema"]["openAPIV3Schema"]
    below = version.get("subresources") or {}
    subresources: dict[str, Subresource] = {}
    if "status" in below:
        subresources["status"] = Subresource("status", given["kind"], STATUS_VERBS)
    scale = None
    if below.get("scale"):
        subresources["scale"] = Subresource(
            "scale", "Scale", STATUS_VERBS, group="autoscaling", version="v1"
        )
        scale = ScalePaths(
            _path(below["scale"]["specReplicasPath"]),
            _path(below["scale"]["statusReplicasPath"]),
            _path(below["scale"].get("labelSelectorPath", "")),
        )
    return Resource(
        group=group,
        version=version["name"],
        kind=given["kind"],
        plural=given["plural"],
        singular=given["singular"],
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(given.get("shortNames") or ()),
        categories=tuple(given.get("categories") or ()),
        subresources=subresources,
        storage_version=f"{group}/{storage}",
        schema=lambda: schema,
        selectable=_selectable(version),
        generation=True,
        scale=scale,
        custom=True,
        columns=tuple(version.get("additionalPrinterColumns") or ()),
        refuses_create=refuses_create,
    )


def _selectable(version: Json) -> Mapping[str, tuple[str, ...]]:
    paths = [_path(one["jsonPath"]) for one in version.get("selectableFields") or ()]
    return {".".join(path): path for path in paths}


def _path(text: str) -> tuple[str, ...]:
    """Take `.spec.replicas` apart; definitions allow nothing more than such paths here."""
    return tuple(part for part in text.split(".") if part)
