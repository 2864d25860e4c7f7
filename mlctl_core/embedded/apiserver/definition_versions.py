"""The rules for the versions of a CustomResourceDefinition: schemas, columns, subresources.

What all versions say alike is checked once and named as the v1beta1 API did, which is what
upstream's messages say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlctl_core.embedded.apiserver import field_errors, names
from mlctl_core.embedded.apiserver.structural import check_structural

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json

_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = (*("byte", "date", "date-time", "double", "float", "int32", "int64", "password"),)
_NO_PATH = "must be a simple json path starting with ."
MAX_SELECTABLE = 8
"""Selectable fields a version may have (KEP-4358)."""


def version_errors(versions: list[Json]) -> list[FieldError]:
    """List what is wrong with the versions of a definition."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, version in enumerate(versions):
        path, name = f"spec.versions[{index}].name", version.get("name", "")
        details = names.check_dns_1035_label(name)
        errors.extend(field_errors.invalid(path, name, detail) for detail in details)
        if name in seen:
            errors.append(field_errors.duplicate(path, name))
        seen.add(name)
    errors.extend(_each(versions, _schema_of, "validation.openAPIV3Schema", _schema_errors))
    columns = "additionalPrinterColumns"
    errors.extend(_each(versions, lambda one: one.get(columns), columns, _column_errors))
    errors.extend(
        _each(versions, lambda one: one.get("subresources"), "subresources", _subresource_errors)
    )
    for index, version in enumerate(versions):
        path = "spec" if _alike(versions, _selectable_of) else f"spec.versions[{index}]"
        errors.extend(_selectable_errors(version, f"{path}.selectableFields"))
        if path == "spec":
            break
    if sum(bool(version.get("storage")) for version in versions) != 1:
        shown = [version.get("name") for version in versions]
        detail = "must have exactly one version marked as storage version"
        errors.append(field_errors.invalid("spec.versions", shown, detail))
    return errors


def _alike(versions: list[Json], part: Callable[[Json], Any]) -> bool:
    return all(part(version) == part(versions[0]) for version in versions)


def _each(
    versions: list[Json],
    part: Callable[[Json], Any],
    name: str,
    check: Callable[[Any, str], list[FieldError]],
) -> list[FieldError]:
    """Check a part of every version, or once where it is the same everywhere and there."""
    if versions and part(versions[0]) and _alike(versions, part):
        return check(part(versions[0]), f"spec.{name}")
    name = name.replace("validation.", "schema.")
    return [
        error
        for index, version in enumerate(versions)
        for error in check(part(version), f"spec.versions[{index}].{name}")
    ]


def _schema_of(version: Json) -> Any:
    return (version.get("schema") or {}).get("openAPIV3Schema")


def _schema_errors(schema: Json | None, path: str) -> list[FieldError]:
    return check_structural(schema, path) if schema else [field_errors.required(path)]


def _column_errors(columns: list[Json] | None, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, column in enumerate(columns or []):
        where = f"{path}[{index}]"
        if not column.get("name"):
            errors.append(field_errors.required(f"{where}.name"))
        type_, format_ = column.get("type", ""), column.get("format")
        if type_ not in _COLUMN_TYPES:
            detail = f"must be one of {','.join(_COLUMN_TYPES)}"
            errors.append(field_errors.invalid(f"{where}.type", type_, detail))
        if format_ and format_ not in _COLUMN_FORMATS:
            detail = f"must be one of {','.join(_COLUMN_FORMATS)}"
            errors.append(field_errors.invalid(f"{where}.format", format_, detail))
        text = column.get("jsonPath", "")
        if not text:
            errors.append(field_errors.required(f"{where}.JSONPath"))
        elif not text.startswith("."):
            errors.append(field_errors.invalid(f"{where}.JSONPath", text, _NO_PATH))
    return errors


def _subresource_errors(below: Json | None, path: str) -> list[FieldError]:
    scale = (below or {}).get("scale")
    if not scale:
        return []
    errors: list[FieldError] = []
    for field, roots, needed in (
        ("specReplicasPath", (".spec.",), True),
        ("statusReplicasPath", (".status.",), True),
        ("labelSelectorPath", (".spec.", ".status."), False),
    ):
        text, where = scale.get(field, ""), f"{path}.scale.{field}"
        if not text:
            if needed:
                errors.append(field_errors.required(where))
        elif not text.startswith("."):
            errors.append(field_errors.invalid(where, text, _NO_PATH))
        elif not text.startswith(roots):
            shown = " or ".join(root.rstrip(".") for root in roots)
            shown = f"either {shown}" if len(roots) > 1 else shown
            detail = f"should be a json path under {shown}"
            errors.append(field_errors.invalid(where, text, detail))
    return errors


def _selectable_of(version: Json) -> Any:
    return version.get("selectableFields")


def _selectable_errors(version: Json, path: str) -> list[FieldError]:
    fields, schema = _selectable_of(version) or [], _schema_of(version) or {}
    errors: list[FieldError] = []
    if len(fields) > MAX_SELECTABLE:
        errors.append(field_errors.too_many(path, len(fields), MAX_SELECTABLE))
    seen: set[str] = set()
    for index, field in enumerate(fields):
        text, where = field.get("jsonPath", ""), f"{path}[{index}].jsonPath"
        problem = _selectable_problem(text, schema)
        if problem:
            errors.append(field_errors.invalid(where, text, problem))
        if text in seen:
            errors.append(field_errors.duplicate(where, text))
        seen.add(text)
    return errors


def _selectable_problem(text: str, schema: Json) -> str:
    """Say why a path cannot be selected by, or ""."""
    if not text.startswith("."):
        return _NO_PATH
    if text.startswith(".metadata."):
        return "must not point to fields in metadata"
    found: Any = schema
    for part in text[1:].split("."):
        found = (found.get("properties") or {}).get(part) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return "is an invalid path: does not refer to a valid field"
    if found.get("type") not in {"boolean", "integer", "string"}:
        return (
            "must point to a field of type string, boolean or integer. Enum string fields and "
            "strings with formats are allowed."
        )
    return ""
