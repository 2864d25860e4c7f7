"""Turns JSON into the values that CEL rules see, by schema.

Numbers of type `number` are doubles, texts of format date-time, date and duration are
times and spans, base64 is bytes. Only declared fields can be seen; of an object's metadata
only name and generateName. Names that CEL cannot write are escaped (KEP-2876).
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from mlctl_core.objects.times import parse_time

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json

_RESERVED: Final = frozenset(
    {
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for"),
        *("function", "if", "import", "let", "loop", "package", "namespace", "return"),
        *("var", "void", "while"),
    }
)
_ESCAPES: Final = (
    ("__", "__underscores__"),
    (".", "__dot__"),
    ("-", "__dash__"),
    ("/", "__slash__"),
)
_WRITABLE: Final = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*")
_UNIT_SECONDS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
}
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ns|us|µs|ms|s|m|h|d|w)")

_TEXT: Final[Json] = {"type": "string"}
_METADATA: Final[Json] = {"type": "object", "properties": {"name": _TEXT, "generateName": _TEXT}}
_OBJECT_FIELDS: Final[Json] = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": _METADATA}


def escape(name: str) -> str | None:
    """The name as rules write it; None for one that rules cannot write at all."""
    if name in _RESERVED:
        return f"__{name}__"
    if not _WRITABLE.fullmatch(name):
        return None
    for plain, escaped in _ESCAPES:
        name = name.replace(plain, escaped)
    return name


def root_schema(schema: Json) -> Json:
    """The schema of a whole object as rules at its root see it."""
    return {**schema, "x-kubernetes-embedded-resource": True}


def declared_fields(schema: Json) -> Json | None:
    """The fields that can be selected, by the names rules write; None for no struct."""
    if "properties" not in schema and not schema.get("x-kubernetes-embedded-resource"):
        return None
    fields: Json = {}
    for name, below in _properties(schema).items():
        escaped = escape(name)
        if escaped is not None:
            fields[escaped] = below
        if name in _RESERVED:
            fields[name] = below  # as a field, newer CEL takes most reserved words as they are
    return fields


def _properties(schema: Json) -> Json:
    properties: Json = schema.get("properties", {})
    if schema.get("x-kubernetes-embedded-resource"):
        return {**properties, **_OBJECT_FIELDS}
    return properties


def value_schema(schema: Json) -> Json | None:
    """The schema of a map's values, None for what is no map."""
    extra = schema.get("additionalProperties")
    return extra if isinstance(extra, dict) else None


def to_cel(value: Any, schema: Json) -> Any:
    """The value as rules on this schema see it."""
    match value:
        case dict():
            return _to_map(value, schema)
        case list():
            items = schema.get("items")
            return [to_cel(item, items) for item in value] if isinstance(items, dict) else value
        case str():
            return _to_text(value, schema.get("format", ""))
        case int() if schema.get("type") == "number" and not isinstance(value, bool):
            return float(value)
        case float() if schema.get("type") == "integer" and value.is_integer():
            return int(value)
        case _:
            return value


def _to_map(value: Json, schema: Json) -> Json:
    extra = value_schema(schema)
    if extra is not None:
        return {name: to_cel(inner, extra) for name, inner in value.items()}
    if declared_fields(schema) is None:
        return value
    seen: Json = {}
    for name, below in _properties(schema).items():
        if name not in value:
            continue
        inner = to_cel(value[name], below)
        escaped = escape(name)
        if escaped is not None:
            seen[escaped] = inner
        if name in _RESERVED:
            seen[name] = inner
    return seen


def _to_text(value: str, form: str) -> Any:
    try:
        match form:
            case "date-time":
                return parse_time(value)
            case "date":
                return datetime.fromisoformat(value).replace(tzinfo=UTC)
            case "duration":
                return _to_duration(value)
            case "byte":
                return base64.b64decode(value)
    except (ValueError, binascii.Error):
        pass  # validation says so; rules see the text
    return value


def _to_duration(text: str) -> timedelta:
    seconds = sum(float(n) * _UNIT_SECONDS[unit] for n, unit in _DURATION_PART.findall(text))
    return timedelta(seconds=-seconds if text.startswith("-") else seconds)
