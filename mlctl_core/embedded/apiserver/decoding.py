"""Reads the JSON of a built-in kind as a server's Go structs would.

Wrong JSON types are refused in the words of Go's decoder, nulls, empty lists and maps and
zeros that Go would leave out mean "not set", quantities come out in their canonical spelling.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver.formats import fits
from mlctl_core.embedded.apiserver.go_times import time_problem
from mlctl_core.embedded.apiserver.zero_values import is_unset
from mlctl_core.objects.quantities import canonical_quantity

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlctl_core.objects.json import Json

_NOT_A_QUANTITY: Final = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
NOT_BASE64: Final = "illegal base64 data"
"""What begins the words for a text that is not base64."""
_NO_BASE64: Final = re.compile(r"[^A-Za-z0-9+/=\r\n]")
_TELLING: Final = frozenset({"managedFields"})
"""Empty lists that mean something: these ask to track ownership no more."""

_GO_TYPES: Final = {"string": "string", "boolean": "bool", "number": "float64"}


class DecodeError(Exception):
    """The body is JSON, but not an object of the kind (400 BadRequest)."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def normalise(obj: Json, schema: Json) -> None:
    """Check types, drop what means "not set", in place.

    Raises:
        DecodeError: A field has the wrong JSON type.
    """
    _struct(obj, schema, "")


def _struct(obj: Json, schema: Json, path: str) -> None:
    properties = schema["properties"]
    for name in list(obj):
        below = properties.get(name)
        if below is None:
            continue
        where = f"{path}.{name}" if path else name
        value = _value(obj[name], below, where, schema)
        empty = value in ([], {}) and _is_collection(below) and name not in _TELLING
        if value is None or empty or is_unset(name, value, schema):
            del obj[name]
        else:
            obj[name] = value


def _is_collection(schema: Json) -> bool:
    return schema.get("type") == "array" or "additionalProperties" in schema


def _value(value: Any, schema: Json, path: str, owner: Json) -> Any:
    if value is None:
        return None
    if schema.get("x-kubernetes-int-or-string"):
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise _mismatch(value, "intstr.IntOrString", path, owner)
        return value
    if schema.get("format") == "quantity":
        return _quantity(value, path, owner)
    kind = schema.get("type")
    if kind == "object":
        return _object(value, schema, path, owner)
    if kind == "array":
        if not isinstance(value, list):
            raise _mismatch(value, _go_type(schema), path, owner)
        return [_value(item, schema["items"], path, owner) for item in value]
    if kind in _CHECKS and not _CHECKS[kind](value):
        raise _mismatch(value, _go_type(schema), path, owner)
    problem = _format_problem(value, schema, path)
    if problem:
        raise DecodeError(problem)
    return value


def _format_problem(value: Any, schema: Json, path: str) -> str:
    """What Go says when it cannot read a text as what it stands for; empty when it can."""
    match schema.get("format"):
        case "date-time":
            return time_problem(value, path.rpartition(".")[2])
        case "byte" if not fits(value, "byte"):
            return f"{NOT_BASE64} at input byte {_bad_byte(value)}"
    return ""


def _bad_byte(text: str) -> int:
    """Where Go's decoder stops: at the first byte that is no base64, else in the last four."""
    found = _NO_BASE64.search(text)
    return found.start() if found else len(text) - len(text) % 4


def _quantity(value: Any, path: str, owner: Json) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _mismatch(value, "resource.Quantity", path, owner)
    try:
        return canonical_quantity(value)
    except ValueError as error:
        raise DecodeError(_NOT_A_QUANTITY) from error


def _object(value: Any, schema: Json, path: str, owner: Json) -> Any:
    extra = schema.get("additionalProperties")
    is_struct = "properties" in schema
    if not (is_struct or isinstance(extra, dict)):
        return value
    if not isinstance(value, dict):
        raise _mismatch(value, _go_type(schema), path, owner)
    if is_struct or not isinstance(extra, dict):
        _struct(value, schema, path)
        return value
    for name, inner in value.items():
        # A null in a map of strings is an empty string.
        absent = "" if extra.get("type") == "string" else None
        value[name] = absent if inner is None else _value(inner, extra, path, owner)
    return value


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


_CHECKS: Final[dict[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def _go_type(schema: Json) -> str:
    kind = schema.get("type", "")
    if schema.get("format") == "byte":
        return "[]uint8"
    if kind == "integer":
        return str(schema.get("format", "int32"))
    if kind == "array":
        return f"[]{_go_type(schema['items'])}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"map[string]{_go_type(schema['additionalProperties'])}"
    if kind == "object":
        return f"v1.{schema.get('title', 'Object')}"
    return _GO_TYPES.get(str(kind), str(kind))


def json_type(value: Any) -> str:
    """The JSON type of a value, as Go's decoder calls it."""
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _mismatch(value: Any, wanted: str, path: str, owner: Json) -> DecodeError:
    struct = owner.get("title", "")
    return DecodeError(
        f"json: cannot unmarshal {json_type(value)} into Go struct field {struct}.{path}"
        f" of type {wanted}"
    )
