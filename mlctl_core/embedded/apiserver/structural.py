"""Whether a CustomResourceDefinition's schema is structural, and its rules compile.

The checks of apiextensions-apiserver that authors meet: a type everywhere, no value
validations that structural schemas forbid, list types that fit, defaults that fit, CEL
rules that compile. Costs of rules are not estimated, as a real API server does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver import field_errors as errors
from mlctl_core.embedded.apiserver.cel_checks import check_rules
from mlctl_core.embedded.apiserver.cel_values import root_schema
from mlctl_core.embedded.apiserver.pruning import prune
from mlctl_core.embedded.apiserver.validation import validate

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json

_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_JUNCTORS: Final = ("allOf", "anyOf", "oneOf")
_FORBIDDEN_FIELDS: Final = {
    "additionalItems": "additionalItems",
    "definitions": "definitions",
    "dependencies": "dependencies",
    "id": "id",
    "patternProperties": "patternProperties",
}
_STRUCTURAL_ONLY: Final = (
    *("additionalProperties", "default", "description", "nullable", "title", "type"),
    *("x-kubernetes-embedded-resource", "x-kubernetes-int-or-string"),
    *("x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type"),
    *("x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations"),
)
"""What may not stand inside allOf, anyOf, oneOf or not."""

_ROOT_METADATA: Final = frozenset({"name", "generateName"})


def check_structural(schema: Json, path: str) -> list[FieldError]:
    """Everything wrong with the schema of a version of a definition."""
    if not schema.get("type"):
        return [errors.required(f"{path}.type", "must not be empty at the root")]
    found: list[FieldError] = []
    if schema["type"] != "object":
        detail = "must be object at the root"
        found.append(errors.invalid(f"{path}.type", schema["type"], detail))
    if schema.get("nullable"):
        detail = "nullable cannot be true at the root"
        found.append(errors.forbidden(f"{path}.nullable", detail))
    found.extend(_check_metadata(schema, path))
    found.extend(_check(root_schema(schema), path, correlatable=True, root=True))
    return found


def _check_metadata(schema: Json, path: str) -> list[FieldError]:
    metadata = (schema.get("properties") or {}).get("metadata") or {}
    where = f"{path}.properties[metadata]"
    extra = sorted(set(metadata) - {"type", "description", "title", "properties"})
    named = set(metadata.get("properties") or {}) - _ROOT_METADATA
    if extra or named:
        detail = (
            "must not specify anything other than name and generateName, but metadata is"
            " implicitly specified"
        )
        return [errors.forbidden(where, detail)]
    return []


def _check(schema: Any, path: str, *, correlatable: bool, root: bool = False) -> list[FieldError]:
    if not isinstance(schema, dict):
        return []
    found = _check_type(schema, path)
    found.extend(_check_forbidden(schema, path))
    found.extend(_check_lists(schema, path))
    found.extend(_check_default(schema, path))
    found.extend(_check_pattern(schema, path))
    found.extend(check_rules(schema, path, correlatable=correlatable))
    for junctor in _JUNCTORS:
        for index, option in enumerate(schema.get(junctor) or ()):
            found.extend(_check_value_validation(option, schema, f"{path}.{junctor}[{index}]"))
    if "not" in schema:
        found.extend(_check_value_validation(schema["not"], schema, f"{path}.not"))
    for name, below in sorted((schema.get("properties") or {}).items()):
        if root and name == "metadata":
            continue
        where = f"{path}.properties[{name}]"
        found.extend(_check(below, where, correlatable=correlatable))
    found.extend(
        _check(
            schema.get("additionalProperties"),
            f"{path}.additionalProperties",
            correlatable=correlatable,
        )
    )
    by_key = schema.get("x-kubernetes-list-type") == "map"
    found.extend(_check(schema.get("items"), f"{path}.items", correlatable=correlatable and by_key))
    return found


def _check_type(schema: Json, path: str) -> list[FieldError]:
    kind = schema.get("type")
    where = f"{path}.type"
    if schema.get("x-kubernetes-int-or-string") or schema.get("$ref"):
        return []
    if not kind:
        if schema.get("x-kubernetes-preserve-unknown-fields"):
            return []
        what = "array items" if path.endswith(".items") else "object fields"
        return [errors.required(where, f"must not be empty for specified {what}")]
    if kind not in _TYPES:
        return [errors.not_supported(where, kind, _TYPES)]
    if kind == "array" and isinstance(schema.get("items"), list):
        detail = "items must be a schema object and not an array"
        return [errors.forbidden(f"{path}.items", detail)]
    if kind == "array" and "items" not in schema:
        return [errors.required(f"{path}.items", "must be specified")]
    return []


def _check_forbidden(schema: Json, path: str) -> list[FieldError]:
    found = [
        errors.forbidden(f"{path}.{name}", f"{word} is not supported")
        for name, word in _FORBIDDEN_FIELDS.items()
        if schema.get(name)
    ]
    if schema.get("$ref"):
        found.append(errors.forbidden(f"{path}.$ref", "$ref is not supported"))
    if schema.get("uniqueItems"):
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        found.append(errors.forbidden(f"{path}.uniqueItems", detail))
    if schema.get("additionalProperties") and schema.get("properties"):
        detail = "additionalProperties and properties are mutual exclusive"
        found.append(errors.forbidden(f"{path}.additionalProperties", detail))
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        where = f"{path}.x-kubernetes-preserve-unknown-fields"
        found.append(errors.invalid(where, False, "must be true or undefined"))
    return found


def _check_pattern(schema: Json, path: str) -> list[FieldError]:
    pattern = schema.get("pattern")
    if not pattern:
        return []
    try:
        re.compile(pattern.replace(r"\z", r"\Z"))
    except re.error as failure:
        detail = f"must be a valid regular expression, but isn't: {failure}"
        return [errors.invalid(f"{path}.pattern", pattern, detail)]
    return []


def _check_lists(schema: Json, path: str) -> list[FieldError]:
    list_type = schema.get("x-kubernetes-list-type")
    keys = schema.get("x-kubernetes-list-map-keys") or []
    where = f"{path}.x-kubernetes-list-type"
    found: list[FieldError] = []
    if list_type is None:
        if keys:
            detail = "must be map if x-kubernetes-list-map-keys is non-empty"
            found.append(errors.required(where, detail))
        return found
    if list_type not in {"atomic", "map", "set"}:
        return [errors.not_supported(where, list_type, ("atomic", "set", "map"))]
    if schema.get("type") != "array":
        detail = "must be array if x-kubernetes-list-type is specified"
        found.append(errors.invalid(f"{path}.type", schema.get("type", ""), detail))
    if list_type == "map":
        found.extend(_check_map_keys(schema, keys, path))
    return found


def _check_map_keys(schema: Json, keys: list[str], path: str) -> list[FieldError]:
    where = f"{path}.x-kubernetes-list-map-keys"
    items = schema.get("items") or {}
    found: list[FieldError] = []
    if not keys:
        detail = "must not be empty if x-kubernetes-list-type is map"
        found.append(errors.required(where, detail))
    if items.get("type") != "object":
        detail = "must be object if parent array's x-kubernetes-list-type is map"
        found.append(errors.invalid(f"{path}.items.type", items.get("type", ""), detail))
        return found
    properties = items.get("properties") or {}
    for index, key in enumerate(keys):
        if key not in properties:
            detail = "entries must all be names of item properties"
            found.append(errors.invalid(f"{where}[{index}]", key, detail))
        elif key not in (items.get("required") or ()) and "default" not in properties[key]:
            detail = (
                "this property is in x-kubernetes-list-map-keys, so it must have a default or"
                " be a required property"
            )
            found.append(errors.required(f"{path}.items.properties[{key}].default", detail))
    return found


def _check_default(schema: Json, path: str) -> list[FieldError]:
    if schema.get("default") is None:
        return []
    where = f"{path}.default"
    value = schema["default"]
    unknown = prune(_copied(value), schema)
    if unknown:
        return [errors.invalid(where, value, "must not have unknown fields")]
    return [
        errors.FieldError(where + _below(error.path), error.reason, error.message, error.bad_value)
        for error in validate(value, schema)
    ]


def _below(path: str) -> str:
    return f".{path}" if path and not path.startswith("[") else path


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value


def _check_value_validation(option: Any, outer: Json, path: str) -> list[FieldError]:
    """What stands inside a junctor may restrict what is specified outside, and no more."""
    if not isinstance(option, dict):
        return []
    found: list[FieldError] = []
    int_or_string = outer.get("x-kubernetes-int-or-string")
    for name in _STRUCTURAL_ONLY:
        if name not in option or (name == "type" and int_or_string):
            continue
        found.append(errors.forbidden(f"{path}.{name}", "must be empty to be structural"))
    declared = outer.get("properties") or {}
    for name, below in sorted((option.get("properties") or {}).items()):
        where = f"{path}.properties[{name}]"
        found.extend(_check_value_validation(below, declared.get(name, {}), where))
    if "items" in option:
        items = outer.get("items") or {}
        found.extend(_check_value_validation(option["items"], items, f"{path}.items"))
    for junctor in _JUNCTORS:
        for index, inner in enumerate(option.get(junctor) or ()):
            found.extend(_check_value_validation(inner, outer, f"{path}.{junctor}[{index}]"))
    if "not" in option:
        found.extend(_check_value_validation(option["not"], outer, f"{path}.not"))
    return found
