"""An attrs class as a CustomResourceDefinition.

The schema is structural (KEP-1001). Nothing is left open: a field without a description, or a
string, number, list or map without a bound, is an error here, because the API server can estimate
the cost of CEL rules only over bounded values, and because an unbounded status fills etcd.

Not said: more than one version, conversion, subresources other than status.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Literal, get_args, get_origin

import attrs

from mlctl_core.objects.docstrings import class_description, field_docstrings, prose
from mlctl_core.objects.fields import Field, Shape, fields_of
from mlctl_core.objects.metadata import Metadata
from mlctl_core.objects.resource import Column, Rule, resource_of, rules_of

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json

__all__ = ["SchemaError", "crd"]

_API_VERSION = "What version of the API the object is written in."
_KIND = "What kind of object this is."

_SCALARS = {str: "string", bool: "boolean", int: "integer", float: "number"}
_STRING_BOUNDS = ("max_length", "enum", "format")


class SchemaError(TypeError):
    """A class cannot be said as a schema; the message names class and field."""


def crd(cls: type) -> Json:
    """The CustomResourceDefinition of a class declared with ``@resource``.

    Equal classes give equal JSON, keys in the same order: properties as declared.

    Raises:
        LookupError: `cls` is not declared with ``@resource``.
        SchemaError: a field has no description or no bound, or a type that JSON does not know.
    """
    declared = resource_of(cls)
    kind = declared.kind
    names: Json = {
        "plural": kind.plural,
        "singular": kind.name.lower(),
        "kind": kind.name,
        "listKind": f"{kind.name}List",
    }
    if declared.short_names:
        names["shortNames"] = list(declared.short_names)
    if declared.categories:
        names["categories"] = list(declared.categories)
    version: Json = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _root(cls, declared.rules)},
    }
    if any(field.attribute == "status" for field in fields_of(cls)):
        version["subresources"] = {"status": {}}
    if declared.columns:
        version["additionalPrinterColumns"] = [_column(column) for column in declared.columns]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "names": names,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [version],
        },
    }


def _root(cls: type, rules: tuple[Rule, ...]) -> Json:
    schema = _object(cls, cls.__qualname__)
    schema["description"] = _described(class_description(cls), cls.__qualname__)
    properties: Json = {
        "apiVersion": {"description": _API_VERSION, "type": "string"},
        "kind": {"description": _KIND, "type": "string"},
    }
    schema["properties"] = properties | schema["properties"]
    # What is required of metadata is the server's business.
    schema["required"] = [name for name in schema.get("required", ()) if name != "metadata"]
    if rules:
        schema["x-kubernetes-validations"] = [*map(_rule, rules)]
    return schema


def _object(cls: type, path: str) -> Json:
    docstrings = field_docstrings(cls)
    fields = fields_of(cls)
    schema: Json = {
        "type": "object",
        "properties": {
            field.json: _property(field, docstrings.get(field.attribute, ""), path)
            for field in fields
        },
    }
    if required := [field.json for field in fields if field.required]:
        schema["required"] = required
    if rules := rules_of(cls):
        schema["x-kubernetes-validations"] = [*map(_rule, rules)]
    return schema


def _property(field: Field, docstring: str, path: str) -> Json:
    path = f"{path}.{field.attribute}"
    if field.shape.type is Metadata:
        # The name is there for rules to point at. The server describes the rest itself, and
        # refuses a schema that says more.
        return {"type": "object", "properties": {"name": {"type": "string"}}}
    description = prose(field.shape.schema.description or docstring)
    schema: Json = {"description": _described(description, path)}
    schema |= _value(field.shape, path)
    # An empty default says no more than an absent field does.
    if isinstance(field.default, str | bool | int | float) and field.default != "":
        schema["default"] = field.default
    return schema


def _described(description: str, path: str) -> str:
    if not description:
        raise SchemaError(f"{path} has no description: write a docstring under it")
    return description


def _value(shape: Shape, path: str) -> Json:
    schema = _typed(shape, path)
    said = shape.schema
    for name, value in (
        ("format", said.format),
        ("pattern", said.pattern),
        ("minLength", said.min_length),
        ("maxLength", said.max_length),
        ("minimum", said.minimum),
        ("maximum", said.maximum),
        ("minItems", said.min_items),
        ("maxItems", said.max_items),
        ("minProperties", said.min_properties),
        ("maxProperties", said.max_properties),
        ("x-kubernetes-list-type", said.list_type),
    ):
        if value is not None:
            schema[name] = value
    if said.list_map_keys:
        schema["x-kubernetes-list-map-keys"] = list(said.list_map_keys)
    if said.nullable:
        schema["nullable"] = True
    if said.rules:
        schema["x-kubernetes-validations"] = [
            *schema.get("x-kubernetes-validations", ()),
            *map(_rule, said.rules),
        ]
    return schema


def _typed(shape: Shape, path: str) -> Json:
    bare, said = shape.type, shape.schema
    if item := shape.item:
        _bounded(said.max_items is not None, path, "max_items")
        return {
            "type": "array",
            "items": _value(item, f"{path}[]"),
            "x-kubernetes-list-type": "atomic",
        }
    if value := shape.value:
        _bounded(said.max_properties is not None, path, "max_properties")
        return {"type": "object", "additionalProperties": _value(value, f"{path}{{}}")}
    if said.int_or_string:
        _bounded(
            None not in (said.max_length, said.minimum, said.maximum),
            path,
            "max_length, minimum and maximum",
        )
        return {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
        }
    if get_origin(bare) is Literal:
        return {"type": "string", "enum": list(get_args(bare))}
    if not isinstance(bare, type):
        raise SchemaError(f"{path}: {bare!r} is no type that a schema can say")
    if attrs.has(bare):
        return _object(bare, path)
    if issubclass(bare, enum.Enum):
        return {"type": "string", "enum": [member.value for member in bare]}
    return _scalar(bare, shape, path)


def _scalar(bare: type, shape: Shape, path: str) -> Json:
    if bare not in _SCALARS:
        raise SchemaError(f"{path}: {bare!r} is no type that a schema can say")
    said = shape.schema
    if bare is str:
        bounds = (getattr(said, bound) is not None for bound in _STRING_BOUNDS)
        _bounded(any(bounds), path, f"one of {', '.join(_STRING_BOUNDS)}")
    elif bare is not bool:
        _bounded(None not in (said.minimum, said.maximum), path, "minimum and maximum")
    schema: Json = {"type": _SCALARS[bare]}
    if said.enum is not None:
        schema["enum"] = list(said.enum)
    return schema


def _bounded(bounded: object, path: str, want: str) -> None:
    if not bounded:
        raise SchemaError(f"{path} has no bound: say {want} in its Schema")


def _rule(rule: Rule) -> Json:
    said: Json = {"rule": rule.expr, "message": rule.message, "reason": rule.reason}
    if rule.message_expression:
        said["messageExpression"] = rule.message_expression
    if rule.field_path:
        said["fieldPath"] = rule.field_path
    return said


def _column(column: Column) -> Json:
    said: Json = {
        "name": column.name,
        "type": column.type,
        "jsonPath": column.json_path,
        "description": column.description,
    }
    if column.priority:
        said["priority"] = column.priority
    return said
