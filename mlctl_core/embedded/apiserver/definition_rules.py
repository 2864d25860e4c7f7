"""The rules of CustomResourceDefinitions themselves: defaults and checks.

Words and rules are those of apiextensions-apiserver 1.37. Conversion webhooks are refused:
nothing here would call them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver import field_errors, names
from mlctl_core.embedded.apiserver.builtin_strategy import BuiltinStrategy
from mlctl_core.embedded.apiserver.definition_versions import version_errors

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.embedded.apiserver.field_set import FieldSet
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

_SCOPES = ("Cluster", "Namespaced")
_STRATEGIES = ("None", "Webhook")


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

    def read_applied(self, obj: Json) -> None:
        """Read what an apply merged, in place."""
        self._common.read_applied(obj)

    def warnings(self, new: Json, old: Json | None) -> list[str]:
        """What a client should be told about a definition that is let in."""
        return self._common.warnings(new, old)

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
    """List what is wrong with a definition."""
    spec = obj.get("spec") or {}
    errors = _name_errors(obj["metadata"].get("name", ""), spec)
    scope = spec.get("scope", "")
    if not scope:
        errors.append(field_errors.required("spec.scope"))
    elif scope not in _SCOPES:
        errors.append(field_errors.not_supported("spec.scope", scope, _SCOPES))
    errors.extend(_conversion_errors(spec))
    if spec.get("preserveUnknownFields"):
        detail = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
            "spec.versions[*].schema instead"
        )
        errors.append(field_errors.invalid("spec.preserveUnknownFields", True, detail))
    errors.extend(version_errors(spec.get("versions") or []))
    if old is not None:
        errors.extend(_change_errors(spec, old["spec"]))
    return errors


def _conversion_errors(spec: Json) -> list[FieldError]:
    strategy, path = (spec.get("conversion") or {}).get("strategy"), "spec.conversion.strategy"
    if strategy not in _STRATEGIES:
        return [field_errors.not_supported(path, strategy, _STRATEGIES)]
    if strategy == "Webhook":
        return [field_errors.forbidden(path, "this server calls no webhooks")]
    return []


def _name_errors(name: str, spec: Json) -> list[FieldError]:
    errors: list[FieldError] = []
    given, group = spec.get("names") or {}, spec.get("group", "")
    if name != f"{given.get('plural', '')}.{group}":
        detail = 'must be spec.names.plural+"."+spec.group'
        errors.append(field_errors.invalid("metadata.name", name, detail))
    if not group:
        errors.append(field_errors.required("spec.group"))
    else:
        details = names.check_dns_1123_subdomain(group)
        if "." not in group:
            details = [*details, "should be a domain with at least one dot"]
        errors.extend(field_errors.invalid("spec.group", group, detail) for detail in details)
    return errors + _kind_errors(given)


def _kind_errors(given: Json) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in ("plural", "singular", "kind", "listKind"):
        if given.get(field):
            errors.extend(_label_errors(f"spec.names.{field}", given[field], kind="ind" in field))
        else:
            errors.append(field_errors.required(f"spec.names.{field}"))
    for field in ("shortNames", "categories"):
        for index, name in enumerate(given.get(field) or []):
            errors.extend(_label_errors(f"spec.names.{field}[{index}]", name))
    if given.get("kind") and given.get("kind") == given.get("listKind"):
        detail = "kind and listKind may not be the same"
        errors.append(field_errors.invalid("spec.names.listKind", given["listKind"], detail))
    return errors


def _label_errors(path: str, name: str, *, kind: bool = False) -> list[FieldError]:
    """Check a name; those of kinds may have capitals."""
    details = names.check_dns_1035_label(name.lower() if kind else name)
    if kind:
        prefix = "may have mixed case, but should otherwise match: "
        details = [prefix + detail for detail in details]
    return [field_errors.invalid(path, name, detail) for detail in details]


def _change_errors(new: Json, old: Json) -> list[FieldError]:
    errors: list[FieldError] = []
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
