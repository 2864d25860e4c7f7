"""Lists of type set and map: what identifies their entries, and that none comes twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver import field_errors as errors

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json


ABSENT: Final = object()
"""No value at all, which is not the same as null."""


def entry_key(item: Json, schema: Json) -> Json:
    """What identifies an entry of a list of type map: its key fields, defaults filled in.

    Keys that are neither there nor defaulted are left out.
    """
    properties = schema.get("items", {}).get("properties", {})
    key: Json = {}
    for name in schema.get("x-kubernetes-list-map-keys", ()):
        value = item.get(name)
        if value is None:
            value = properties.get(name, {}).get("default")
        if value is not None:
            key[name] = value
    return key


def entry_text(item: Any, schema: Json) -> str:
    """The key of an entry of a list of type map, as text."""
    return errors.go_json(entry_key(item, schema)) if isinstance(item, dict) else ""


def former_entries(old: Any, schema: Json) -> dict[str, Any]:
    """The entries of an old list by key; only lists of type map can be found again."""
    if not isinstance(old, list) or schema.get("x-kubernetes-list-type") != "map":
        return {}
    return {entry_text(item, schema): item for item in old}


def check_lists(value: Any, schema: Json, path: str) -> list[FieldError]:
    """Duplicate entries in lists of type set or map, anywhere in the value."""
    found: list[FieldError] = []
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        extra = schema.get("additionalProperties")
        for name in sorted(value):
            below = properties.get(name, extra)
            if isinstance(below, dict):
                found.extend(check_lists(value[name], below, f"{path}.{name}" if path else name))
    elif isinstance(value, list):
        found.extend(_duplicates(value, schema, path))
        items = schema.get("items")
        if isinstance(items, dict):
            for index, item in enumerate(value):
                found.extend(check_lists(item, items, f"{path}[{index}]"))
    return found


def _duplicates(value: list[Any], schema: Json, path: str) -> list[FieldError]:
    list_type = schema.get("x-kubernetes-list-type")
    if list_type not in {"set", "map"}:
        return []
    seen: set[str] = set()
    found: list[FieldError] = []
    for index, item in enumerate(value):
        if list_type == "map" and not isinstance(item, dict):
            continue
        key = entry_key(item, schema) if list_type == "map" else item
        text = errors.go_json(key)
        if text in seen:
            found.append(errors.duplicate(f"{path}[{index}]", key))
        seen.add(text)
    return found
