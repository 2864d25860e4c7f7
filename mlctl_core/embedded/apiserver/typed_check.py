"""Whether an applied configuration fits its schema, in structured-merge-diff's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlctl_core.embedded.apiserver.field_errors import go_text
from mlctl_core.embedded.apiserver.field_set import field_step, show_path
from mlctl_core.embedded.apiserver.typed_values import (
    entries,
    entry_step,
    is_granular_list,
    item_schema,
)

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_set import Path
    from mlctl_core.objects.json import Json


def check_typed(value: Any, schema: Json) -> str:
    """The first thing that does not fit, with its path; empty when all does.

    Unknown fields, wrong kinds of values, and list entries with the same key.
    """
    return _check(value, schema, ())


def _check(value: Any, schema: Json, path: Path) -> str:
    if value is None:
        return ""
    kind = schema.get("type")
    if isinstance(value, dict):
        if kind not in {None, "object"}:
            return f"{show_path(path)}: expected {_wanted(kind)}, got {_shown(value)}"
        return _check_map(value, schema, path)
    if isinstance(value, list):
        if kind not in {None, "array"}:
            return f"{show_path(path)}: expected {_wanted(kind)}, got {_shown(value)}"
        return _check_list(value, schema, path)
    actual = _scalar_type(value)
    fits = {
        "string": actual == "string",
        "boolean": actual == "boolean",
        "integer": actual == "numeric",
        "number": actual == "numeric",
        "object": False,
        "array": False,
    }
    if kind is not None and not fits.get(kind, True):
        got = {"numeric": "int64"}.get(actual, actual)
        return f"{show_path(path)}: expected {_wanted(kind)}, got {got}"
    return ""


def _shown(value: Any) -> str:
    """A collection as Go prints the value that holds it."""
    return f"&{{{go_text(value)}}}"


def _wanted(kind: str | None) -> str:
    words = {"integer": "numeric (int or float)", "number": "numeric (int or float)"}
    words |= {"object": "map", "array": "list"}
    return words.get(kind or "", kind or "")


def _scalar_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "numeric" if isinstance(value, int | float) else "string"


def _check_map(value: Json, schema: Json, path: Path) -> str:
    properties = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    closed = (
        bool(properties)
        and extra is None
        and not schema.get("x-kubernetes-preserve-unknown-fields")
    )
    for name, inner in value.items():
        below = properties.get(name, extra)
        here = (*path, field_step(name))
        if below is None and closed:
            return f"{show_path(here)}: field not declared in schema"
        problem = _check(inner, below if isinstance(below, dict) else {}, here)
        if problem:
            return problem
    return ""


def _check_list(value: list[Any], schema: Json, path: Path) -> str:
    if is_granular_list(value, schema):
        for step, items in entries(value, schema).items():
            if len(items) > 1:
                entry = show_path((step,))
                return f"{show_path(path)}: duplicate entries for key {entry}"
        for item in value:
            problem = _check(item, item_schema(schema), (*path, entry_step(item, schema)))
            if problem:
                return problem
        return ""
    for index, item in enumerate(value):
        problem = _check(item, item_schema(schema), (*path, f"i:{index}"))
        if problem:
            return problem
    return ""
