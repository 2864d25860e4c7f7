"""A value and its schema, walked together: which fields it has, how two of them differ.

The rules are those of sigs.k8s.io/structured-merge-diff. A map is granular (its fields are
owned one by one) unless its schema says atomic; a list is atomic unless it is of type set
or map; an atomic value is a leaf. Where the schema is silent, maps are granular and lists
atomic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from mlctl_core.embedded.apiserver.field_set import (
    FieldSet,
    Path,
    field_step,
    key_step,
    value_step,
)
from mlctl_core.embedded.apiserver.list_types import ABSENT, entry_key

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json

_UNKNOWN: Final[Json] = {}


def is_granular_map(value: Any, schema: Json) -> bool:
    """Whether the value is a map whose fields have owners of their own."""
    return isinstance(value, dict) and schema.get("x-kubernetes-map-type") != "atomic"


def is_granular_list(value: Any, schema: Json) -> bool:
    """Whether the value is a list whose entries have owners of their own."""
    return isinstance(value, list) and schema.get("x-kubernetes-list-type") in {"set", "map"}


def field_schema(schema: Json, name: str) -> Json:
    """The schema of a map's field."""
    below = schema.get("properties", _UNKNOWN).get(name)
    if below is None:
        below = schema.get("additionalProperties")
    return below if isinstance(below, dict) else _UNKNOWN


def item_schema(schema: Json) -> Json:
    """The schema of a list's entries."""
    items = schema.get("items")
    return items if isinstance(items, dict) else _UNKNOWN


def entry_step(item: Any, schema: Json) -> str:
    """The step that leads to an entry of a granular list."""
    if schema["x-kubernetes-list-type"] == "map" and isinstance(item, dict):
        return key_step(entry_key(item, schema))
    return value_step(item)


def entries(items: list[Any], schema: Json) -> dict[str, list[Any]]:
    """The entries of a granular list by step; more than one where a key comes twice."""
    found: dict[str, list[Any]] = {}
    for item in items:
        found.setdefault(entry_step(item, schema), []).append(item)
    return found


def field_set(value: Any, schema: Json) -> FieldSet:
    """Every field that the value sets."""
    found = FieldSet()
    if is_granular_map(value, schema):
        named = schema.get("properties", _UNKNOWN)
        for name, inner in value.items():
            step = field_step(name)
            below = field_schema(schema, name)
            _collect(found, step, inner, below)
            if inner is None or inner == {} or name not in named:
                found.members.add(step)
    elif is_granular_list(value, schema):
        for step, items in entries(value, schema).items():
            found.members.add(step)
            if len(items) == 1:
                _collect(found, step, items[0], item_schema(schema))
    return found


def _collect(found: FieldSet, step: str, value: Any, schema: Json) -> None:
    if is_granular_map(value, schema) or is_granular_list(value, schema):
        below = field_set(value, schema)
        if below:
            found.below[step] = below
    else:
        found.members.add(step)


def with_named_fields(fields: FieldSet, schema: Json) -> FieldSet:
    """The set with every declared field that leads to a member as a member itself."""
    named = schema.get("properties", _UNKNOWN)
    members = set(fields.members)
    below: dict[str, FieldSet] = {}
    for step, inner in fields.below.items():
        kind, _, name = step.partition(":")
        if kind == "f":
            if name in named:
                members.add(step)
            inner_schema = field_schema(schema, name)
        else:
            inner_schema = item_schema(schema)
        below[step] = with_named_fields(inner, inner_schema)
    return FieldSet(members, below)


@attrs.frozen
class Comparison:
    """How one value differs from another; no field is in two of the sets."""

    added: FieldSet = attrs.field(factory=FieldSet)
    modified: FieldSet = attrs.field(factory=FieldSet)
    removed: FieldSet = attrs.field(factory=FieldSet)

    def without(self, ignored: FieldSet) -> Comparison:
        """The comparison without some fields and what is below them."""
        return Comparison(
            self.added.without(ignored),
            self.modified.without(ignored),
            self.removed.without(ignored),
        )


def compare(old: Any, new: Any, schema: Json) -> Comparison:
    """What changed from `old` to `new`."""
    found = Comparison()
    _compare(old, new, schema, (), found)
    return found


def _compare(old: Any, new: Any, schema: Json, path: Path, found: Comparison) -> None:
    if old is not ABSENT and old == new:
        return
    whole = _compare_inside(old, new, schema, path, found)
    if old is ABSENT:
        found.added.insert(path)
    elif new is ABSENT:
        found.removed.insert(path)
    elif whole:
        found.modified.insert(path)


def _compare_inside(old: Any, new: Any, schema: Json, path: Path, found: Comparison) -> bool:
    """Compare what is below; true when the value is a leaf, to be compared as a whole."""
    if not _empty(old) or not _empty(new):
        if _both(is_granular_map, old, new, schema):
            before, after = _as_dict(old), _as_dict(new)
            for name in before.keys() | after.keys():
                _compare(
                    before.get(name, ABSENT),
                    after.get(name, ABSENT),
                    field_schema(schema, name),
                    (*path, field_step(name)),
                    found,
                )
            return False
        if _both(is_granular_list, old, new, schema):
            _compare_entries(old, new, schema, path, found)
            return False
    return True


def _both(test: Any, old: Any, new: Any, schema: Json) -> bool:
    """Whether each side that is there and not null passes the test."""
    sides = [side for side in (old, new) if side is not ABSENT and side is not None]
    return bool(sides) and all(test(side, schema) for side in sides)


def _empty(value: Any) -> bool:
    return value is ABSENT or value is None or value in ({}, [])


def _as_dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _compare_entries(old: Any, new: Any, schema: Json, path: Path, found: Comparison) -> None:
    before = entries(old, schema) if isinstance(old, list) else {}
    after = entries(new, schema) if isinstance(new, list) else {}
    items = item_schema(schema)
    for step in before.keys() | after.keys():
        here = (*path, step)
        left, right = before.get(step, []), after.get(step, [])
        if len(left) <= 1 and len(right) <= 1:
            left_value = left[0] if left else ABSENT
            right_value = right[0] if right else ABSENT
            _compare(left_value, right_value, items, here, found)
        elif len(left) > 1 and len(right) > 1:
            if left != right:
                found.modified.insert(here)
        elif len(left) > 1:
            # Entries that come twice are owned as one; a single one is owned field by field.
            if right:
                _compare(ABSENT, right[0], items, here, found)
            found.removed.insert(here)
        else:
            if left:
                _compare(left[0], ABSENT, items, here, found)
            found.added.insert(here)
