"""Drops the fields a schema does not know, and says which they were.

Follows structural pruning: where `x-kubernetes-preserve-unknown-fields` is set unknown
fields stay, but fields that are specified below are pruned as anywhere else. A value of
the wrong type is left for validation to refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json


def unknown_field(path: str) -> str:
    """What strict decoding calls a field that the schema does not know."""
    return f'unknown field "{path}"'


def prune(obj: Any, schema: Json, path: str = "") -> list[str]:
    """Remove unknown fields from the object in place; returns their paths, sorted by depth."""
    removed: list[str] = []
    _prune(obj, schema, path, removed)
    return removed


def _prune(value: Any, schema: Json, path: str, removed: list[str]) -> None:
    if isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for index, item in enumerate(value):
                _prune(item, items, f"{path}[{index}]", removed)
        return
    if not isinstance(value, dict):
        return
    properties = schema.get("properties")
    extra = schema.get("additionalProperties")
    keep_unknown = bool(schema.get("x-kubernetes-preserve-unknown-fields")) or extra is True
    for name in sorted(value):
        below = properties.get(name) if properties else None
        if below is None and isinstance(extra, dict):
            below = extra
        if below is not None:
            if isinstance(value[name], dict | list):
                _prune(value[name], below, f"{path}.{name}" if path else name, removed)
        elif not keep_unknown:
            del value[name]
            removed.append(f"{path}.{name}" if path else name)
