"""Strategic merge patch: lists of built-in kinds merged by key, with directives.

Semantics of `k8s.io/apimachinery/pkg/util/strategicpatch`, for `application/
strategic-merge-patch+json`: `$patch: delete|replace|merge`, `$retainKeys`,
`$deleteFromPrimitiveList/<field>` and `$setElementOrder/<field>`.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver.field_errors import go_text
from mlctl_core.embedded.apiserver.patch import PatchError

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json

_PATCH: Final = "$patch"
_RETAIN: Final = "$retainKeys"
_DELETE_PRIMITIVES: Final = "$deleteFromPrimitiveList/"
_ORDER: Final = "$setElementOrder/"
_ACTIONS: Final = ("delete", "merge", "replace")

_INTERNAL_ERROR: Final = 500
_UNKNOWN: Final[Json] = {}


def strategic_merge_patch(original: Json, patch: Json, schema: Json) -> Json:
    """The original with the patch merged in; neither is changed.

    Raises:
        PatchError: A directive or a list entry is not understood.
    """
    return _merge_map(original, patch, schema)


def _merge_map(original: Json, patch: Json, schema: Json) -> Json:
    action = patch.get(_PATCH, "merge")
    match action:
        case "replace":
            replacement: Json = _clean(patch)
            return replacement
        case "delete":
            return {}
        case "merge":
            pass
        case _:
            text = f"unknown patch type: {action} in map: {go_text(patch)}"
            raise PatchError(text, _INTERNAL_ERROR)
    merged = _retain(original, patch) if _RETAIN in patch else dict(original)
    _delete_primitives(merged, patch)
    for name, value in patch.items():
        if not name.startswith("$"):
            _merge_field(merged, name, value, _field(schema, name))
    _order(merged, original, patch, schema)
    return merged


def _delete_primitives(merged: Json, patch: Json) -> None:
    for name, values in patch.items():
        field = name.removeprefix(_DELETE_PRIMITIVES)
        if field != name and field in merged:
            merged[field] = [item for item in merged[field] or () if item not in values]


def _order(merged: Json, original: Json, patch: Json, schema: Json) -> None:
    fields = {name.removeprefix(_ORDER) for name in patch if not name.startswith("$")}
    fields |= {name.removeprefix(_ORDER) for name in patch if name.startswith(_ORDER)}
    for field in fields:
        below = _field(schema, field)
        if isinstance(merged.get(field), list) and "merge" in _strategies(below):
            order = patch.get(f"{_ORDER}{field}", patch.get(field)) or []
            before = original.get(field) or []
            merged[field] = _ordered(merged[field], order, before, _merge_key(below))


def _retain(original: Json, patch: Json) -> Json:
    kept = patch[_RETAIN]
    if not isinstance(kept, list):
        raise PatchError("$retainKeys directive must be a list", _INTERNAL_ERROR)
    extra = [name for name in patch if not name.startswith("$") and name not in kept]
    if any(patch[name] is not None for name in extra):
        raise PatchError("$retainKeys list must contain all non-null fields", _INTERNAL_ERROR)
    return {name: value for name, value in original.items() if name in kept}


def _field(schema: Json, name: str) -> Json:
    below = schema.get("properties", _UNKNOWN).get(name, schema.get("additionalProperties"))
    return below if isinstance(below, dict) else _UNKNOWN


def _strategies(schema: Json) -> list[str]:
    return str(schema.get("x-kubernetes-patch-strategy", "")).split(",")


def _merge_key(schema: Json) -> str:
    return str(schema.get("x-kubernetes-patch-merge-key", ""))


def _merge_field(merged: Json, name: str, value: Any, schema: Json) -> None:
    if value is None:
        merged.pop(name, None)
        return
    before = merged.get(name)
    strategies = _strategies(schema)
    if isinstance(value, dict) and isinstance(before, dict) and "replace" not in strategies:
        if value.get(_PATCH) == "delete":
            del merged[name]
        else:
            merged[name] = _merge_map(before, value, schema)
    elif isinstance(value, list) and isinstance(before, list) and "merge" in strategies:
        merged[name] = _merge_list(before, value, schema)
    elif isinstance(value, dict) and value.get(_PATCH) == "delete":
        merged.pop(name, None)
    else:
        merged[name] = _clean(value)


def _merge_list(original: list[Any], patch: list[Any], schema: Json) -> list[Any]:
    key = _merge_key(schema)
    if not key:
        return original + [item for item in patch if item not in original]
    if any(isinstance(item, dict) and item.get(_PATCH) == "replace" for item in patch):
        return [_clean(item) for item in patch if not _is_directive(item)]
    items = schema.get("items", _UNKNOWN)
    merged = list(original)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            text = f"map: {go_text(item)} does not contain declared merge key: {key}"
            raise PatchError(text, _INTERNAL_ERROR)
        same = [i for i, known in enumerate(merged) if known.get(key) == item[key]]
        action = item.get(_PATCH, "merge")
        if action not in _ACTIONS:
            text = f"unknown patch type: {action} in map: {go_text(item)}"
            raise PatchError(text, _INTERNAL_ERROR)
        if action == "delete":
            merged = [known for i, known in enumerate(merged) if i not in same]
        elif same:
            merged[same[0]] = _merge_map(merged[same[0]], item, items)
        else:
            merged.append(_clean(item))
    return merged


def _is_directive(item: Any) -> bool:
    return isinstance(item, dict) and item.keys() == {_PATCH}


def _ordered(items: list[Any], order: list[Any], before: list[Any], key: str) -> list[Any]:
    """The entries in the patch's order; those it does not name go between them.

    An entry that only the server has goes in front of a named one only if it did before
    the patch.
    """

    def name_of(item: Any) -> Any:
        return item.get(key) if key and isinstance(item, dict) else item

    wanted = [name_of(item) for item in order]
    former = [name_of(item) for item in before]
    named = [item for item in items if name_of(item) in wanted]
    named.sort(key=lambda item: wanted.index(name_of(item)))
    others = [item for item in items if name_of(item) not in wanted]
    out: list[Any] = []
    while named and others:
        other, next_named = name_of(others[0]), name_of(named[0])
        both_known = other in former and next_named in former
        first = both_known and former.index(other) < former.index(next_named)
        out.append(others.pop(0) if first else named.pop(0))
    return out + named + others


def _clean(value: Any) -> Any:
    """A value that replaces, without directives and nulls."""
    if isinstance(value, dict):
        return {
            name: _clean(inner)
            for name, inner in value.items()
            if inner is not None
            and not name.startswith((_ORDER, _DELETE_PRIMITIVES))
            and name not in {_PATCH, _RETAIN}
        }
    if isinstance(value, list):
        return [
            _clean(item)
            for item in value
            if not (isinstance(item, dict) and item.get(_PATCH) == "delete")
        ]
    return copy.deepcopy(value)
