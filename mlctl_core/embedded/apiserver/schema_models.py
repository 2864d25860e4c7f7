"""OpenAPI schemas of built-in kinds, derived from the kubernetes package's models.

The models know each field's JSON name, type, description and whether it must be there.
What they do not know (how lists merge, formats, enums) is added from `schema_tables`.

A schema comes in two forms, built from the same source: with `$ref`s, for OpenAPI
documents (`component`), and woven into one another (`woven`), for code that walks a schema
and an object side by side. Woven schemas are shared and, where a type contains itself,
cyclic: never change or serialise one. Models are imported when first needed, about 0.3 s
for the first and half a second for all kinds served here.
"""

from __future__ import annotations

import functools
import importlib
import re
from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver import schema_tables as tables
from mlctl_core.embedded.apiserver.schema_enums import ENUMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlctl_core.objects.json import Json

REF_PREFIX: Final = "#/components/schemas/"

_SCALARS: Final[dict[str, Json]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number", "format": "double"},
    "bool": {"type": "boolean"},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date-time"},
    "bytes": {"type": "string", "format": "byte"},
    "bytearray": {"type": "string", "format": "byte"},
    "object": {"x-kubernetes-preserve-unknown-fields": True},
}

_LIST: Final = re.compile(r"^List\[(.*)\]$", re.IGNORECASE)
_MAP: Final = re.compile(r"^Dict\[str, (.*)\]$", re.IGNORECASE)
_MODEL: Final = re.compile(
    r"^(?P<group>[A-Za-z]+?)?V(?P<version>\d+(?:alpha\d+|beta\d+)?)(?P<name>.+)$"
)

INT_OR_STRING: Final[Json] = {
    "format": "int-or-string",
    "x-kubernetes-int-or-string": True,
    "oneOf": [{"type": "integer"}, {"type": "string"}],
}
QUANTITY: Final[Json] = {"oneOf": [{"type": "string"}, {"type": "number"}], "format": "quantity"}


@functools.cache
def _model(name: str) -> Any:
    return getattr(importlib.import_module("kubernetes.client"), name)


def bare_name(model: str) -> str:
    """`PodSpec` for `V1PodSpec`, `Event` for both `CoreV1Event` and `EventsV1Event`."""
    match = _MODEL.match(model)
    return match["name"] if match else model


def component_name(model: str) -> str:
    """Name of the model's schema in an OpenAPI document."""
    if model in tables.META_MODELS:
        return f"io.k8s.apimachinery.pkg.apis.meta.v1.{bare_name(model)}"
    match = _MODEL.match(model)
    if match is None:
        return f"io.k8s.api.{model}"
    middle = f"{match['group'].lower()}." if match["group"] else ""
    return f"io.k8s.api.{middle}v{match['version']}.{match['name']}"


def _summary(model: str) -> str:
    text = (_model(model).__doc__ or "").split("Attributes:")[0]
    return " ".join(text.split())


def _descriptions(model: str) -> Iterator[tuple[str, str]]:
    cls = _model(model)
    for attribute, declared in cls.openapi_types.items():
        text = _info(cls, attribute).description
        if not text and _MODEL.match(declared):
            text = _summary(declared)  # the generator drops what is said beside a reference
        if text:
            yield cls.attribute_map[attribute], text


def _type_schema(declared: str, nested: Callable[[str], Json]) -> Json:
    if match := _LIST.match(declared):
        return {"type": "array", "items": _type_schema(match[1], nested)}
    if match := _MAP.match(declared):
        return {"type": "object", "additionalProperties": _type_schema(match[1], nested)}
    if declared in _SCALARS:
        return dict(_SCALARS[declared])
    return nested(declared)


def _with_quantities(schema: Json) -> Json:
    if schema["type"] == "object":
        return {**schema, "additionalProperties": QUANTITY}
    return dict(QUANTITY)


def _field_schema(owner: str, field: str, declared: str, nested: Callable[[str], Json]) -> Json:
    key = f"{bare_name(owner)}.{field}"
    schema = _type_schema(declared, nested)
    if key in tables.INT_OR_STRING:
        return dict(INT_OR_STRING)
    if key in tables.QUANTITIES:
        schema = _with_quantities(schema)
    if schema.get("type") == "integer":
        schema["format"] = "int64" if key in tables.INT64 else "int32"
    if key in ENUMS:
        schema["enum"] = list(ENUMS[key])
    if key in tables.FIELD_EXTENSIONS:
        # `$ref` may have no neighbours: what is said of the field wraps what it refers to.
        wrapped = {"allOf": [schema]} if "$ref" in schema else schema
        schema = {**wrapped, **tables.FIELD_EXTENSIONS[key]}
    if schema.get("type") == "array" and "x-kubernetes-list-type" not in schema:
        schema["x-kubernetes-list-type"] = "atomic"
    if key in tables.DEFAULTS:
        schema["default"] = tables.DEFAULTS[key]
    return schema


def _fields(model: str) -> Iterator[tuple[str, str, bool]]:
    cls = _model(model)
    for attribute, declared in cls.openapi_types.items():
        name = cls.attribute_map[attribute]
        known = tables.TYPES.get(f"{bare_name(model)}.{name}", declared)
        yield name, known, _info(cls, attribute).is_required()


def _info(cls: Any, attribute: str) -> Any:
    # The models publish `_exec`, a word Python reserves, under another attribute's name.
    fields = cls.model_fields
    if attribute in fields:
        return fields[attribute]
    alias = cls.attribute_map[attribute]
    return next(info for info in fields.values() if info.serialization_alias == alias)


def _model_schema(model: str, nested: Callable[[str], Json], into: Json) -> Json:
    properties: Json = {}
    needed: list[str] = []
    for name, declared, is_required in _fields(model):
        properties[name] = _field_schema(model, name, declared, nested)
        if is_required:
            needed.append(name)
    into.update({"type": "object", "properties": properties})
    if needed:
        into["required"] = needed
    into.update(tables.MODEL_EXTENSIONS.get(bare_name(model), {}))
    return into


@functools.cache
def component(model: str) -> Json:
    """The model's schema for an OpenAPI document, with `$ref`s to other models."""

    def nested(other: str) -> Json:
        return {"$ref": f"{REF_PREFIX}{component_name(other)}"}

    schema = _model_schema(model, nested, {})
    schema["description"] = _summary(model)
    for name, text in _descriptions(model):
        field = schema["properties"][name]
        if "$ref" in field:
            field = {"allOf": [field]}
        schema["properties"][name] = {"description": text, **field}
    return schema


def referenced(model: str) -> frozenset[str]:
    """The model and every model its schema refers to, directly or not."""
    found: set[str] = set()
    waiting = [model]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for _, declared, _ in _fields(name):
            inner = re.sub(r"^(?:List\[|Dict\[str, )+|\]+$", "", declared)
            if inner not in _SCALARS:
                waiting.append(inner)
    return frozenset(found)


_woven: dict[str, Json] = {}


def woven(model: str) -> Json:
    """The model's schema with all other models' schemas in place; shared and maybe cyclic."""
    known = _woven.get(model)
    if known is not None:
        return known
    schema: Json = {}
    _woven[model] = schema

    def nested(other: str) -> Json:
        return woven(other)

    schema["title"] = bare_name(model)
    return _model_schema(model, nested, schema)
