"""Fills in a structural schema's defaults, and drops nulls that mean "not set"."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json


def apply_defaults(obj: Any, schema: Json) -> None:
    """Set every absent field that has a default, in place, outermost first.

    A null in a field that may not be null counts as absent.
    """
    if isinstance(obj, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for item in obj:
                apply_defaults(item, items)
    elif isinstance(obj, dict):
        _default_fields(obj, schema)


def _default_fields(obj: Json, schema: Json) -> None:
    properties: Json = schema.get("properties", {})
    for name, below in properties.items():
        if below.get("default") is not None and _is_unset(obj, name, below):
            obj[name] = copy.deepcopy(below["default"])
    extra = schema.get("additionalProperties")
    for name in obj:
        below = properties.get(name, extra)
        if isinstance(below, dict):
            if below.get("default") is not None and _is_unset(obj, name, below):
                obj[name] = copy.deepcopy(below["default"])
            apply_defaults(obj[name], below)


def _is_unset(obj: Json, name: str, schema: Json) -> bool:
    return obj.get(name) is None and not (name in obj and schema.get("nullable"))


def drop_nulls(obj: Any, schema: Json) -> None:
    """Remove nulls from fields that may not be null and have no default, in place."""
    if isinstance(obj, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for item in obj:
                drop_nulls(item, items)
        return
    if not isinstance(obj, dict):
        return
    properties: Json = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    for name in list(obj):
        below = properties.get(name, extra)
        if not isinstance(below, dict):
            continue
        if obj[name] is None:
            if not below.get("nullable") and below.get("default") is None:
                del obj[name]
        else:
            drop_nulls(obj[name], below)
