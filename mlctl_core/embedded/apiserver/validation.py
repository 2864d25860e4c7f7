"""Checks an object against a structural schema, with upstream's words and reasons.

Promises the value validations that structural schemas allow: type, nullable, enum, string,
number, array and map bounds, formats, int-or-string, embedded resources, list sets and
maps, and the logical junctors. Rules in CEL are checked by `cel_rules`, metadata by
`metadata_rules`. Messages are those of Kubernetes 1.37 (kube-openapi's validator), down to
its habit of reporting junctors and number formats under `<nil>`.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver import field_errors as errors
from mlctl_core.embedded.apiserver.formats import fits
from mlctl_core.embedded.apiserver.list_types import (
    ABSENT,
    check_lists,
    entry_text,
    former_entries,
)
from mlctl_core.embedded.apiserver.names import DNS_1035_LABEL, check_dns_1035_label

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json

_INT32: Final = range(-(2**31), 2**31)
_INTEGER_FORMATS: Final = {"int32": _INT32, "uint32": range(2**32)}


def validate(obj: Any, schema: Json, path: str = "", *, old: Any = ABSENT) -> list[FieldError]:
    """Everything wrong with the value's structure; empty when it is valid.

    Lists of type set and map are checked for duplicates as well. Parts that equal those of
    an old value are not judged again, so that a stricter schema does not freeze what was
    stored before (KEP-4008).
    """
    found = _check(obj, schema, path, old)
    found.extend(check_lists(obj, schema, path))
    return found


def child(path: str, name: str) -> str:
    """The path of a field below `path`."""
    return f"{path}.{name}" if path else name


def type_name(value: object) -> str:
    """The JSON-schema type of a value; a float without a fraction is still a number."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _check(value: Any, schema: Json, path: str, old: Any = ABSENT) -> list[FieldError]:
    if value == old:
        return []
    if value is None:
        refused = _types(schema) and not schema.get("nullable")
        wrong = [_type_error(None, schema, path), *_check_enum(None, schema, path)]
        return wrong if refused else []
    found: list[FieldError] = []
    fits_type = _has_type(value, schema)
    if not fits_type:
        found.append(_type_error(value, schema, path))
    found.extend(_check_junctors(value, schema, path))
    match value:
        case str():
            found.extend(_check_string(value, schema, path))
        case int() | float() if not isinstance(value, bool):
            found.extend(_check_number(value, schema, path))
        case list():
            found.extend(_check_array(value, schema, path, old))
        case dict() if fits_type:
            found.extend(_check_object(value, schema, path, old))
    found.extend(_check_enum(value, schema, path))
    return found


def _check_enum(value: Any, schema: Json, path: str) -> list[FieldError]:
    if "enum" not in schema or any(_same(value, allowed) for allowed in schema["enum"]):
        return []
    words = [word if isinstance(word, str) else errors.go_json(word) for word in schema["enum"]]
    return [errors.not_supported(path, value, words)]


def _types(schema: Json) -> list[str]:
    if schema.get("x-kubernetes-int-or-string"):
        return ["integer", "string"]
    declared = schema.get("type")
    return [declared] if declared else []


def _has_type(value: Any, schema: Json) -> bool:
    types = _types(schema)
    if not types:
        return True
    actual = type_name(value)
    if actual == "number" and "integer" in types and float(value).is_integer():
        return True
    return actual in types or (actual == "integer" and "number" in types)


def _type_error(value: Any, schema: Json, path: str) -> FieldError:
    actual = type_name(value)
    detail = f'{path} in body must be of type {",".join(_types(schema))}: "{actual}"'
    return errors.type_invalid(path, actual, detail)


def _same(left: Any, right: Any) -> bool:
    # In Python True == 1; in JSON it is not.
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


@functools.lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A schema's pattern; RE2 and Python's syntax agree on what schemas use."""
    return re.compile(pattern.replace(r"\z", r"\Z"))


def _check_string(value: str, schema: Json, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    length = len(value)
    if "maxLength" in schema and length > schema["maxLength"]:
        found.append(errors.too_long(path, schema["maxLength"]))
    if "minLength" in schema and length < schema["minLength"]:
        detail = f"{path} in body should be at least {schema['minLength']} chars long"
        found.append(errors.invalid(path, value, detail))
    if "pattern" in schema and not compile_pattern(schema["pattern"]).search(value):
        detail = f"{path} in body should match '{schema['pattern']}'"
        found.append(errors.invalid(path, value, detail))
    form = schema.get("format", "")
    if form and not fits(value, form):
        detail = f"{path} in body must be of type {form}: {errors.quote(value)}"
        found.append(errors.type_invalid(path, value, detail))
    return found


def _check_number(value: float, schema: Json, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    if _types(schema) == ["integer"]:
        form = schema.get("format", "")
        text = ""
        if not float(value).is_integer():
            text = "(default format)"
        elif form in _INTEGER_FORMATS and int(value) not in _INTEGER_FORMATS[form]:
            text = f"with format {form}"
        if text:
            detail = f"Checked value must be of type integer {text} in {path}"
            found.append(errors.invalid("", "", detail))
    for limit, exclusive, words, beyond in _BOUNDS:
        if limit not in schema:
            continue
        bound = schema[limit]
        strict = bool(schema.get(exclusive))
        if beyond(value, bound) or (strict and value == bound):
            # An integer is compared with the bound cut to an integer, and told so.
            shown = errors.go_json(int(bound) if isinstance(value, int) else bound)
            middle = words if strict else f"{words} or equal to"
            detail = f"{path} in body should be {middle} {shown}"
            found.append(errors.invalid(path, value, detail))
    factor = schema.get("multipleOf")
    if factor and not float(value / factor).is_integer():
        detail = f"{path} in body should be a multiple of {errors.go_json(factor)}"
        found.append(errors.invalid(path, value, detail))
    return found


_BOUNDS: Final[tuple[tuple[str, str, str, Callable[[float, float], bool]], ...]] = (
    ("maximum", "exclusiveMaximum", "less than", lambda value, bound: value > bound),
    ("minimum", "exclusiveMinimum", "greater than", lambda value, bound: value < bound),
)


def _check_array(value: list[Any], schema: Json, path: str, old: Any) -> list[FieldError]:
    found: list[FieldError] = []
    items = schema.get("items")
    if isinstance(items, dict):
        former = former_entries(old, schema)
        for index, item in enumerate(value):
            before = former.get(entry_text(item, schema), ABSENT) if former else ABSENT
            found.extend(_check(item, items, f"{path}[{index}]", before))
    if "minItems" in schema and len(value) < schema["minItems"]:
        detail = f"{path} in body should have at least {schema['minItems']} items"
        found.append(errors.invalid(path, len(value), detail))
    if "maxItems" in schema and len(value) > schema["maxItems"]:
        found.append(errors.too_many(path, len(value), schema["maxItems"]))
    return found


def _check_object(value: Json, schema: Json, path: str, old: Any) -> list[FieldError]:
    found: list[FieldError] = []
    if "minProperties" in schema and len(value) < schema["minProperties"]:
        detail = f"{path} in body should have at least {schema['minProperties']} properties"
        found.append(errors.invalid(path, len(value), detail))
    if "maxProperties" in schema and len(value) > schema["maxProperties"]:
        found.append(errors.too_many(path, len(value), schema["maxProperties"]))
    found.extend(
        errors.required(child(path, name))
        for name in schema.get("required", ())
        if name not in value
    )
    properties = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    former = old if isinstance(old, dict) else {}
    for name in sorted(value):
        below = properties.get(name, extra)
        if isinstance(below, dict):
            before = former.get(name, ABSENT)
            found.extend(_check(value[name], below, child(path, name), before))
    if schema.get("x-kubernetes-embedded-resource"):
        found.extend(_check_embedded(value, path))
    return found


def _check_embedded(value: Json, path: str) -> list[FieldError]:
    found = [
        errors.required(child(path, name), "must not be empty" if name in value else "")
        for name in ("apiVersion", "kind")
        if not value.get(name)
    ]
    kind = value.get("kind")
    if isinstance(kind, str) and kind and check_dns_1035_label(kind.lower()):
        detail = f"may have mixed case, but should otherwise match: {DNS_1035_LABEL}"
        found.append(errors.invalid(child(path, "kind"), kind, detail))
    return found


def _check_junctors(value: Any, schema: Json, path: str) -> list[FieldError]:
    name = path or "<nil>"
    found: list[FieldError] = []
    if "anyOf" in schema:
        tried = [_check(value, option, path) for option in schema["anyOf"]]
        if all(tried):
            found.append(_junctor(f'"{name}" must validate at least one schema (anyOf)'))
            found.extend(tried[0])
    if "oneOf" in schema:
        tried = [_check(value, option, path) for option in schema["oneOf"]]
        valid = sum(not option for option in tried)
        rule = f'"{name}" must validate one and only one schema (oneOf). Found'
        if valid == 0:
            found.append(_junctor(f"{rule} none valid"))
            found.extend(tried[0])
        elif valid > 1:
            found.append(_junctor(f"{rule} {valid} valid alternatives"))
    if "allOf" in schema:
        tried = [_check(value, option, path) for option in schema["allOf"]]
        failed = [option for option in tried if option]
        for option in failed:
            found.extend(option)
        if failed:
            none = ". None validated" if len(failed) == len(tried) else ""
            found.append(_junctor(f'"{name}" must validate all the schemas (allOf){none}'))
    if "not" in schema and not _check(value, schema["not"], path):
        found.append(_junctor(f'"{name}" must not validate the schema (not)'))
    return found


def _junctor(detail: str) -> FieldError:
    return errors.invalid("", "", detail)
