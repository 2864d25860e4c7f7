"""Whether an applied configuration fits its schema, in structured-merge-diff's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlctl_core.embedded.apiserver.field_errors import go_json, go_text, quote
from mlctl_core.embedded.apiserver.field_set import field_step, show_path
from mlctl_core.embedded.apiserver.typed_values import (
    entries,
    entry_step,
    is_granular_list,
    item_schema,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlctl_core.embedded.apiserver.field_set import Path
    from mlctl_core.objects.json import Json


def check_typed(value: Any, schema: Json) -> str:
    """What does not fit, with its path; empty when all does.

    Unknown fields, wrong kinds of values, and list entries with the same key or none.
    """
    found = list(_check(value, schema, ()))
    if len(found) > 1:
        return "".join(["errors:", *(f"\n  {problem}" for problem in found)])
    return found[0] if found else ""


def _check(value: Any, schema: Json, path: Path) -> Iterator[str]:
    kind = schema.get("type")
    if isinstance(value, dict) and kind in {None, "object"}:
        yield from _check_map(value, schema, path)
    elif isinstance(value, list) and kind in {None, "array"}:
        yield from _check_list(value, schema, path)
    elif isinstance(value, dict | list) and kind in {"object", "array"}:
        yield f"{show_path(path)}: expected {_wanted(kind)}, got {_shown(value)}"
    elif value is not None:
        yield from _check_scalar(value, kind, path)


def _check_scalar(value: Any, kind: str | None, path: Path) -> Iterator[str]:
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
        if kind in {"integer", "number"}:
            got = {"string": "string", "boolean": "bool"}[actual]
        elif kind in {"object", "array"}:
            got = _shown(value)
        else:
            got = f"&value.valueUnstructured{{Value:{_go_syntax(value)}}}"
        yield f"{show_path(path)}: expected {_wanted(kind)}, got {got}"


def _go_syntax(value: Any) -> str:
    """A value as Go's `%#v` prints it."""
    match value:
        case dict():
            inner = ", ".join(f"{quote(name)}:{_go_syntax(value[name])}" for name in sorted(value))
            return f"map[string]interface {{}}{{{inner}}}"
        case list():
            return f"[]interface {{}}{{{', '.join(_go_syntax(item) for item in value)}}}"
        case str():
            return quote(value)
        case None:
            return "interface {}(nil)"
        case _:
            return go_json(value)


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


def _check_map(value: Json, schema: Json, path: Path) -> Iterator[str]:
    properties = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    closed = (
        bool(properties)
        and extra is None
        and not schema.get("x-kubernetes-preserve-unknown-fields")
    )
    for name in sorted(value):
        below = properties.get(name, extra)
        here = (*path, field_step(name))
        if below is None and closed:
            yield f"{show_path(here)}: field not declared in schema"
        else:
            yield from _check(value[name], below if isinstance(below, dict) else {}, here)


def _check_list(value: list[Any], schema: Json, path: Path) -> Iterator[str]:
    if not is_granular_list(value, schema):
        for index, item in enumerate(value):
            yield from _check(item, item_schema(schema), (*path, f"i:{index}"))
        return
    keys = schema.get("x-kubernetes-list-map-keys") or []
    known = item_schema(schema).get("properties", {})
    defaulted = any("default" in known.get(key, {}) for key in keys)
    for index, item in enumerate(value):
        if keys and not defaulted and isinstance(item, dict) and not item.keys() & set(keys):
            shown = " ".join(f'"{key}"' for key in keys)
            yield (
                f"{show_path(path)}: element {index}: associative list with keys has an element "
                f"that omits all key fields [{shown}] (and doesn't have default values for any "
                "key fields)"
            )
            return
    for step, items in entries(value, schema).items():
        if len(items) > 1:
            yield f"{show_path(path)}: duplicate entries for key {show_path((step,))}"
            return
    for item in value:
        yield from _check(item, item_schema(schema), (*path, entry_step(item, schema)))
